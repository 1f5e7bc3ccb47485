"""The command as a process: streams and signals are seen to before the rest is imported."""

import atexit
import io
import os
import signal
import sys
from typing import Any, NoReturn

_INTERRUPTED = 130


class _Outlet(io.FileIO):
    """A file that may become impossible to write to; what is written then goes nowhere."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or remember why not."""
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            return len(data)


def main() -> NoReturn:
    """Run the command line. Exit codes: those of `mgd.cli.main`, 1 if output was lost.

    A reader of the output that has gone, as in ``mgd ... | head``, is no loss.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    outlet = _open_streams()
    from mgd import cli

    code = cli.run()
    sys.stdout.flush()
    if code == 0 and outlet is not None and outlet.failure is not None:
        code = _judge(outlet.failure)
    _end(code)


def _end(code: int) -> NoReturn:
    """End the process; without taking an engine's modules apart, which takes a second or two."""
    if "torch" not in sys.modules or "vllm" in sys.modules:  # vLLM has processes to end
        sys.exit(code)
    atexit._run_exitfuncs()  # closes language servers, among others
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _interrupt(*_: object) -> NoReturn:
    """End on Ctrl-C, wherever the command is; a second one does not wait for servers to end.

    An exception is no way to say so: finalizers and bare ``except`` clauses of an engine's modules
    swallow it, and a module written in C++ that imports another one aborts.
    """
    if "vllm" in sys.modules:  # which ends its processes as the exception passes
        raise KeyboardInterrupt
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    atexit._run_exitfuncs()
    os._exit(_INTERRUPTED)


def _judge(failure: OSError) -> int:
    if isinstance(failure, BrokenPipeError):
        return 0
    print(f"mgd: standard output: {failure.strerror}", file=sys.stderr)
    return 1


def _open_streams() -> _Outlet | None:
    """Make all three standard streams usable; returns standard output, if it is open."""
    was_open = _is_open(1)
    # Else the next file that is opened, such as a pipe to a server, would be a standard stream.
    for number in (0, 1, 2):
        if not _is_open(number):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    outlet = _Outlet(1, "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=getattr(sys.stdout, "encoding", "utf-8"),
        errors=getattr(sys.stdout, "errors", "strict"),
        line_buffering=outlet.isatty(),
    )
    return outlet if was_open else None


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
