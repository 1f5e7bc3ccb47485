"""What one request tells the logits processor: its arguments, checked. Does not import vLLM.

A request is guided by one extra argument, ``mgd``, whose value is a JSON object as text (vLLM
takes no nested values): in ``SamplingParams(extra_args=...)``, and over HTTP in ``vllm_xargs``.
"""

import json
import os
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from decoding.engines.engine import Task
from decoding.prompt.workspace import language_of, open_document
from decoding.session.options import CrossingPolicy, Options, margin_for
from decoding.wiring import DEFAULT_MONITORS, check_monitors, monitor_for
from lsp_bridge.pool import configuration
from lsp_bridge.servers import launch
from lsp_bridge.servers.project import discover
from monitors.errors import UsageError, WorkspaceError
from monitors.languages.registry import language_named
from monitors.protocols import Document

PROCESSOR = "mgd.vllm:MonitorLogitsProcessor"
"""How the processor is named to vLLM."""
PROCESSORS = frozenset(
    f"{module}:MonitorLogitsProcessor"
    for module in ("mgd.vllm", "decoding.vllm", "decoding.engines.vllm.processor")
)
"""All names of it: the usual one, the former one, and where it is."""
MIDDLEWARE = "mgd.serving.requests.Middleware"
"""How the middleware that checks prompts and tells outcomes is named to vLLM."""
ARGUMENT = "mgd"
"""Name of the extra argument."""
WORKSPACES_VARIABLE = "MGD_WORKSPACES"
"""Environment variable: folders that requests may name, as in ``PATH``."""
TRUST_VARIABLE = "MGD_TRUST_WORKSPACES"
"""Environment variable: ``1`` if language servers may run the code of these folders."""
GUIDED = "guided"
"""The only thing that can be required."""
_EXAMPLE = '{"path": "src/app.py", "position": [41, 17]}'
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_LONGEST_DEADLINE_MS = 60_000
_LONGEST_KEY = 64
_MOST_BYTES = 8 << 20

_named: set[Path] = set()
_named_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class GuideRequest:
    """How one request is guided."""

    path: str
    """Real path of the file; it need not exist where ``prefix`` is given."""
    workspace: str
    """Real path of the project's folder."""
    language: str = ""
    """Language identifier of LSP; empty: by the file's name."""
    position: tuple[int, int] | None = None
    """Line and column of the cursor in the file, 1-based; or else ``prefix`` and ``suffix``."""
    prefix: str | None = None
    """Text of the file before the cursor."""
    suffix: str = ""
    """Text of the file behind the cursor."""
    healed_bytes: int = 0
    """How many bytes before the cursor the prompt leaves out: they are generated first."""
    server: str | None = None
    """Language server; None: the default for the language."""
    monitors: tuple[str, ...] = DEFAULT_MONITORS
    """Names of what is watched; none: only left-out text is required."""
    crossing: str = CrossingPolicy.VERIFY.value
    """What becomes of tokens with an operator and a name inside: ``verify`` or ``split``."""
    deadline_ms: float = 1000.0
    """Longest wait for one answer, counted from the moment of asking."""
    tag: str = ""
    """Any text; requests with different tags share nothing, and statistics are kept by it."""
    prompt_check: bool = True
    """Whether a prompt is refused that does not end as the text before the cursor does."""
    require: str | None = None
    """``guided``: the request fails where it would go on unguided. Who serves sees to that."""
    key: str = ""
    """Names the request to who asks the bridge what became of it."""

    @classmethod
    def of(cls, task: Task) -> "GuideRequest":
        """What the processor has to know of a task, whose prompt is made of its document."""
        asked, document = task.request, task.document
        return cls(
            path=document.path,
            workspace=str(asked.workspace),
            language=document.language,
            prefix=document.prefix,
            suffix=document.suffix,
            healed_bytes=len(task.prompt.healed),
            server=asked.server,
            monitors=asked.monitors,
            crossing=asked.crossing.value,
            deadline_ms=1000 * asked.deadline_s,
            tag=uuid.uuid4().hex,
            prompt_check=False,
        )

    def as_argument(self) -> dict[str, str]:
        """What to put into ``extra_args`` or ``vllm_xargs``."""
        content = {key: value for key, value in asdict(self).items() if value is not None}
        return {ARGUMENT: json.dumps(content)}

    def document(self) -> Document:
        """The file with its cursor. Raises `UsageError`."""
        if self.position is not None:
            found = open_document(Path(self.path), self.position, Path(self.workspace))
            prefix, suffix = found.prefix, found.suffix
            language = self.language or found.language
        else:
            prefix, suffix = self.prefix or "", self.suffix
            language = self.language or language_of(Path(self.path), prefix + suffix)
        language_named(language)
        size = len(prefix.encode())
        if self.healed_bytes > size:
            raise UsageError(f"got healed_bytes={self.healed_bytes}; the prefix has {size} bytes")
        return Document(language, self.path, prefix, suffix)

    def options(self, margin: float) -> Options:
        """How its session behaves; ``margin`` as in `Options`."""
        policy = CrossingPolicy(self.crossing)
        return Options(crossing=policy, deadline_s=self.deadline_ms / 1000, margin=margin)


def name_workspace(workspace: str | os.PathLike[str]) -> None:
    """Let requests that are made in this process name files below ``workspace``.

    For programs that run the engine themselves; a server's are in `WORKSPACES_VARIABLE`.
    """
    with _named_lock:
        _named.add(Path(workspace).resolve())


def check(extra_args: Mapping[str, Any] | None) -> None:
    """Find every mistake in a request's arguments; nothing happens without ours.

    Raises `UsageError` (a ValueError), which a server answers with HTTP 400.
    """
    text = argument_of(extra_args)
    if text is not None:
        admit(text)


def admit(text: str) -> GuideRequest:
    """The request that a JSON text describes, if it can be followed. Raises `UsageError`."""
    request = parse(text, _allowed_here())
    if request.require and not request.key:
        raise UsageError(
            f"{ARGUMENT}: got require={request.require!r}, which nobody here can see to; serve"
            f" with mgd serve, or with a bridge and vLLM's --middleware {MIDDLEWARE}"
        )
    if request.require and not request.monitors:
        raise UsageError(
            f"{ARGUMENT}: got require={request.require!r} and monitors=false, which contradict each"
            " other; leave either out"
        )
    language = request.document().language
    monitor_for(language, request.monitors)
    check_server(request, language)
    return request


def check_server(request: GuideRequest, language: str) -> None:
    """Find out whether a server may be asked, without starting one or watching anything.

    Raises `UsageError`. Which server it is, the workspace's ``mgd.toml`` may say.
    """
    root, trusted = Path(request.workspace), trusts_workspaces()
    profile = configuration.load(root, trusted).profile(language, request.server)
    if request.monitors:
        launch.check(profile, discover(root, trusted))


def argument_of(extra_args: Mapping[str, Any] | None) -> str | None:
    """The argument's text; None for a request that is not guided. Raises `UsageError`."""
    value = (extra_args or {}).get(ARGUMENT)
    if value is None or isinstance(value, str):
        return value
    raise UsageError(
        f"{ARGUMENT}: got {type(value).__name__}; expected a JSON object as text, such as "
        f"{ARGUMENT}={_EXAMPLE!r} (json.dumps)"
    )


def margin_of(params: Any) -> float:
    """How far below the best logit tokens matter to vLLM's `SamplingParams`.

    Penalties change logits behind the masks, and logarithms of probabilities are shown.
    """
    changed = params.presence_penalty or params.frequency_penalty or params.repetition_penalty != 1
    is_plain = not changed and params.logprobs is None
    return margin_for(params.temperature if is_plain else max(1.0, params.temperature))


def trusts_workspaces() -> bool:
    """Whether language servers of this process may run the code of the workspaces."""
    return os.environ.get(TRUST_VARIABLE, "") == "1"


def workspaces_of_environment() -> tuple[Path, ...] | None:
    """The folders that `WORKSPACES_VARIABLE` names; None if it is not set."""
    value = os.environ.get(WORKSPACES_VARIABLE)
    if value is None:
        return None
    return tuple(Path(each).resolve() for each in value.split(os.pathsep) if each)


def _allowed_here() -> tuple[Path, ...]:
    with _named_lock:
        named = tuple(sorted(_named))
    return (*(workspaces_of_environment() or ()), *named)


def admitted(text: str) -> GuideRequest:
    """A request that `check` has let in, perhaps in another process. Raises `UsageError`.

    Its workspace must be one of the environment's, if that names any.
    """
    return parse(text, workspaces_of_environment())


def parse(text: str, allowed: tuple[Path, ...] | None) -> GuideRequest:
    """The request that a JSON text describes; paths are resolved. Raises `UsageError`.

    ``allowed``: real paths of the folders that it may name; None: any.
    """
    content = _object(text)
    for key in content:
        if key not in _CHECKS:
            raise UsageError(
                f"{ARGUMENT}: got the unknown key {key!r}; expected {', '.join(_CHECKS)}"
            )
    values = {key: _CHECKS[key](key, value) for key, value in content.items()}
    if "path" not in values:
        raise UsageError(f"{ARGUMENT}: got no path; expected for example {_EXAMPLE}")
    if ("position" in values) == ("prefix" in values):
        raise UsageError(
            f"{ARGUMENT}: expected either position, [line, column] in the file, or prefix (and "
            "suffix), the file's text before (and behind) the cursor"
        )
    policy = CrossingPolicy(values.get("crossing", CrossingPolicy.VERIFY))
    check_monitors(values.get("monitors", ()), policy)
    workspace, path = _place(values["path"], values.get("workspace"), allowed)
    return GuideRequest(**(values | {"path": str(path), "workspace": str(workspace)}))


def _object(text: str) -> dict[str, Any]:
    if len(text) > _MOST_BYTES:
        raise UsageError(f"{ARGUMENT}: got {len(text)} characters; expected {_MOST_BYTES} at most")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{ARGUMENT}: got no JSON ({error}); expected {_EXAMPLE}") from error
    if isinstance(content, list):
        raise UsageError(
            f"{ARGUMENT}: got a list of {len(content)}; expected one object. Lists, of one for each"
            " of several prompts, are for /v1/completions of mgd serve, or of vLLM with"
            f" --middleware {MIDDLEWARE}"
        )
    if not isinstance(content, dict):
        raise UsageError(f"{ARGUMENT}: got {_short(content)}; expected an object, {_EXAMPLE}")
    return content


def _place(path: str, workspace: str | None, allowed: tuple[Path, ...] | None) -> tuple[Path, Path]:
    """The workspace and the file, both without symbolic links, if they may be named."""
    if allowed is not None and not allowed:
        raise WorkspaceError(
            f"{ARGUMENT}: no workspace may be named; start with mgd serve --workspace DIR, set "
            f"{WORKSPACES_VARIABLE}, or call decoding.engines.vllm.request.name_workspace(DIR)"
        )
    roots = allowed or ()
    if workspace is None:
        holding = [root for root in roots if _real(root, path).is_relative_to(root)]
        root = max(holding, key=lambda each: len(each.parts), default=None)
    else:
        root = _real(None, workspace)
        if allowed is not None and root not in roots:
            raise WorkspaceError(
                f"{ARGUMENT}: got the workspace {workspace!r}, which is not among those that are"
                " served; expected one of these, not a folder below it"
            )
    if root is None or not (real := _real(root, path)).is_relative_to(root) or real == root:
        raise WorkspaceError(
            f"{ARGUMENT}: the path {path!r} lies outside the workspace, once links are followed"
        )
    return root, real


def _real(root: Path | None, path: str) -> Path:
    if "\0" in path or _SCHEME.match(path):
        raise WorkspaceError(f"{ARGUMENT}: got {path!r}; expected a plain path, not a URI")
    if root is None and not os.path.isabs(path):
        raise WorkspaceError(f"{ARGUMENT}: got the workspace {path!r}; expected an absolute path")
    try:
        return Path(os.path.realpath(path if root is None else root / path))
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{ARGUMENT}: got {path!r}; expected a path ({error})") from error


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _refusal(key: str, value: object, expected: str) -> UsageError:
    return UsageError(f"{ARGUMENT}: got {key}={_short(value)}; expected {expected}")


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refusal(key, value, "a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _refusal(key, value, "text without lone surrogates") from error
    return value


def _key(key: str, value: Any) -> str:
    if len(_text(key, value)) > _LONGEST_KEY:
        raise _refusal(key, value, f"{_LONGEST_KEY} characters at most")
    return str(value)


def _named_text(key: str, value: Any) -> str:
    if not _text(key, value):
        raise _refusal(key, value, "a text that is not empty")
    return str(value)


def _language(key: str, value: Any) -> str:
    if _text(key, value):
        language_named(value)
    return str(value)


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refusal(key, value, "true or false")
    return value


def _monitors(key: str, value: Any) -> tuple[str, ...]:
    """``true`` for the usual ones, ``false`` for none, or a list of names."""
    if isinstance(value, bool):
        return DEFAULT_MONITORS if value else ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _refusal(key, value, "true, false or a list of names")
    return check_monitors(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _count(key: str, value: Any) -> int:
    if not _is_count(value) or value < 0:
        raise _refusal(key, value, "a number of bytes, 0 or more")
    return int(value)


def _position(key: str, value: Any) -> tuple[int, int]:
    pair = isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))
    if not pair or min(value) < 1:
        raise _refusal(key, value, "[line, column], two numbers from 1")
    return value[0], value[1]


def _policy(key: str, value: Any) -> str:
    if value not in tuple(CrossingPolicy):
        raise _refusal(key, value, f"one of {', '.join(CrossingPolicy)}")
    return str(value)


def _requirement(key: str, value: Any) -> str:
    if value != GUIDED:
        raise _refusal(key, value, f"{GUIDED!r}, or nothing")
    return GUIDED


def _deadline(key: str, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value <= _LONGEST_DEADLINE_MS:
        raise _refusal(key, value, f"milliseconds, more than 0 and at most {_LONGEST_DEADLINE_MS}")
    return float(value)


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "path": _named_text,
    "workspace": _named_text,
    "language": _language,
    "position": _position,
    "prefix": _text,
    "suffix": _text,
    "healed_bytes": _count,
    "server": _named_text,
    "monitors": _monitors,
    "crossing": _policy,
    "deadline_ms": _deadline,
    "tag": _text,
    "prompt_check": _flag,
    "require": _requirement,
    "key": _key,
}
