"""Processes that run beside a benchmark: a bridge, a server."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mgd.serving.server import ending_with_us
from monitors.errors import UsageError

_GRACE_S = 30.0


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of its own session that writes to ``log``; asked to end, then forced to.

    On Linux it ends too if the benchmark is killed.
    """
    with log.open("w") as output:
        process = subprocess.Popen(
            [*ending_with_us(), *command],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def surroundings(values: Mapping[str, str]) -> Iterator[None]:
    """This process's environment, and that of what it starts, with ``values`` for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def wait_for(is_so: Callable[[], bool], what: str, log: Path, timeout_s: float) -> None:
    """Until it is; raises `UsageError` with the end of the log if that takes too long."""
    end_s = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > end_s:
            end = log.read_text()[-2000:]
            raise UsageError(f"{what} did not come up in {timeout_s:g} s: {end}")
        time.sleep(0.1)
