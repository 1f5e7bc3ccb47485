"""Every exception that this project raises on purpose.

```
MgdError                      base of all of them
├── UsageError                a caller's mistake: bad argument, option or combination
│   ├── PositionError         a line or column outside the file
│   ├── WorkspaceError        a path outside the workspace, or not readable as UTF-8 text
│   ├── ModelError            an unknown model, or a tokenizer that cannot be indexed
│   ├── ServerError           an unknown language server, or one that is not installed
│   ├── EndpointError         a completions endpoint that is away, refuses, or cannot be guided
│   └── ConfigError           an mgd.toml that cannot be read, or says what it may not say
└── AnalysisError             raised instead of failing open, only with ``strict=True``
```

A language server that fails is a value (`monitors.protocols.Unavailable`), not an exception.
"""


class MgdError(Exception):
    """Base of every exception that this project raises on purpose."""


class UsageError(MgdError, ValueError):
    """A caller's mistake; the message says what was got, what was expected, and the remedy."""


class PositionError(UsageError):
    """A line or a column lies outside the file."""


class WorkspaceError(UsageError):
    """A path lies outside the workspace, or its file cannot be read as UTF-8 text."""


class ModelError(UsageError):
    """A model cannot be found, or its tokenizer cannot be indexed by bytes."""


class ServerError(UsageError):
    """A language server is unknown, or not installed."""


class EndpointError(UsageError):
    """A completions endpoint cannot be reached, refuses a request, or cannot be guided."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status that it answered with, if it answered."""


class ConfigError(UsageError):
    """A configuration file cannot be read, or says something that is unknown or forbidden."""


class AnalysisError(MgdError):
    """An analysis gave no answer and the caller asked for ``strict=True``."""
