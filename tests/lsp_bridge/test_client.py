"""One client, without a pool."""

import time
from pathlib import Path

import pytest

from lsp_bridge.client import Client
from lsp_bridge.project import discover
from monitors.protocols import Facts, Reason, Unavailable
from tests.fakes import members, misbehaving

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(30)]


async def test_ask(tmp_path: Path) -> None:
    """A client answers by itself; afterwards it says that the server is gone."""
    client = Client(misbehaving("none"), discover(tmp_path))
    try:
        assert await client.start() is None
        answer = await client.ask(members(tmp_path / "a.py", "# alpha\nx."), 5)
        assert isinstance(answer, Facts)
    finally:
        await client.close()
    answer = await client.ask(members(tmp_path / "a.py", "# beta\nx."), 5)

    assert isinstance(answer, Unavailable)
    assert answer.reason is Reason.CRASHED
    assert not client.alive


async def test_the_deadline(tmp_path: Path) -> None:
    """Neither the server's silence nor that of one asked before delays the answer."""
    client = Client(misbehaving("hang"), discover(tmp_path))
    await client.start()
    try:
        for text in ("# alpha\nx.", "# beta\nx."):
            began_s = time.monotonic()
            answer = await client.ask(members(tmp_path / "a.py", text), 0.1)

            assert isinstance(answer, Unavailable)
            assert answer.reason is Reason.TIMEOUT
            assert time.monotonic() - began_s < 0.4
    finally:
        await client.close()


async def test_a_start_that_takes_too_long(tmp_path: Path) -> None:
    """The process is ended."""
    client = Client(misbehaving("hang_at_start", start_timeout_s=0.3), discover(tmp_path))
    failure = await client.start()

    assert failure is not None
    assert "did not start" in failure.detail
    assert client.pid is None
