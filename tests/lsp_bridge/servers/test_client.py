"""One client, without a pool."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lsp_bridge.profiles.profile import Definition
from lsp_bridge.servers.client import Client
from lsp_bridge.servers.project import discover
from monitors.protocols import Answer, Members, Reason, Unavailable
from tests.fakes import members, misbehaving

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(30)]


async def test_ask(tmp_path: Path) -> None:
    """A client answers by itself; afterwards it says that the server is gone."""
    client = Client(misbehaving("none"), discover(tmp_path))
    try:
        assert await client.start() is None
        answer = await client.ask(members(tmp_path / "a.py", "# alpha\nx."), 5)
        assert isinstance(answer, Members)
    finally:
        await client.close()
    answer = await client.ask(members(tmp_path / "a.py", "# beta\nx."), 5)

    assert isinstance(answer, Unavailable)
    assert answer.reason is Reason.CRASHED
    assert not client.alive


async def test_the_deadline(tmp_path: Path) -> None:
    """Neither the server's silence nor that of one asked before delays the answer."""
    client = Client(misbehaving("hang", patience_s=60.0), discover(tmp_path))
    await client.start()
    try:
        for text in ("# alpha\nx.", "# beta\nx."):
            began_s = time.monotonic()
            answer = await client.ask(members(tmp_path / "a.py", text), 0.1)

            assert isinstance(answer, Unavailable)
            assert answer.reason is Reason.TIMEOUT
            assert time.monotonic() - began_s < 30
    finally:
        await client.close()


async def openings(client: Client, path: Path, questions: int) -> list[str]:
    """How often the document had been opened when each of several texts was asked about."""
    found = []
    for number in range(questions):
        answer = await client.ask(members(path, f"# word_{number}\nx."), 5)
        names = [name.text for name in answer.names] if isinstance(answer, Members) else ["none"]
        assert isinstance(answer, Unavailable) or names[0] == f"word_{number}"
        found.append(names[-1])
    return found


async def test_a_document_that_was_changed_often_is_opened_anew(tmp_path: Path) -> None:
    """Some servers do not survive thousands of changes."""
    client = Client(misbehaving("counting", most_changes=2), discover(tmp_path))
    await client.start()
    try:
        found = await openings(client, tmp_path / "a.py", 7)
    finally:
        await client.close()

    assert found == [f"opening_{count}" for count in (1, 1, 1, 2, 2, 2, 3)]


async def test_a_document_that_the_server_fails_on_is_opened_anew(tmp_path: Path) -> None:
    """Its copy may be broken, and would stay so."""
    client = Client(misbehaving("broken"), discover(tmp_path))
    await client.start()
    try:
        found = await openings(client, tmp_path / "a.py", 3)
    finally:
        await client.close()

    assert found == ["none", "opening_2", "opening_2"]


async def test_a_start_that_takes_too_long(tmp_path: Path) -> None:
    """The process is ended."""
    client = Client(misbehaving("hang_at_start", start_timeout_s=0.3), discover(tmp_path))
    failure = await client.start()

    assert failure is not None
    assert "did not start" in failure.detail
    assert client.pid is None


def wary(definitions: Sequence[Definition]) -> str:
    """A rule for which a type called ``open`` is open."""
    return ", ".join(f"it is {each.name}" for each in definitions if each.name == "open")


async def answered(
    root: Path, fault: str, text: str, *, trusted: bool = False, **changes: Any
) -> Answer:
    """The answer of a server that has to be asked about types."""
    profile = misbehaving(fault, type_rule=wary, **changes)
    client = Client(profile, discover(root, trusted))
    await client.start()
    try:
        return await client.ask(members(root / "a.py", text), 5)
    finally:
        await client.close()


async def test_a_type_that_may_have_more_members(tmp_path: Path) -> None:
    """The rule for types decides whether a list is closed."""
    closed = await answered(tmp_path, "none", "# a closed\nx.")
    answer = await answered(tmp_path, "none", "# an open\nx.")

    assert isinstance(closed, Members)
    assert answer == Unavailable(Reason.OPEN_TYPE, "it is open")


async def test_types_are_not_asked_for_in_vain(tmp_path: Path) -> None:
    """Neither for a trusted workspace, nor if nothing was listed."""
    trusted = await answered(tmp_path, "type_crash", "# an open\nx.", trusted=True)
    empty = await answered(tmp_path, "null", "# an open\nx.")

    assert isinstance(trusted, Members)
    assert empty == Unavailable(Reason.EMPTY)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("type_crash", Reason.CRASHED),
        ("type_error", Reason.SERVER_ERROR),
        ("type_wrong_type", Reason.BAD_ANSWER),
        ("type_garbage", Reason.BAD_ANSWER),
        ("type_hang", Reason.TIMEOUT),
        ("type_deaf", Reason.TIMEOUT),
    ],
)
async def test_types_that_cannot_be_asked_for(
    tmp_path: Path, fault: str, expected: Reason, caplog: pytest.LogCaptureFixture
) -> None:
    """The list is no answer then, and a server that is silent is not waited for."""
    caplog.set_level(logging.CRITICAL)
    began_s = time.monotonic()
    patience_s = 0.5 if expected is Reason.TIMEOUT else 20.0
    answer = await answered(tmp_path, fault, "# a closed\nx.", patience_s=patience_s)

    assert isinstance(answer, Unavailable)
    assert answer.reason is expected
    assert time.monotonic() - began_s < 30


async def test_types_are_asked_for_again_after_a_change(tmp_path: Path) -> None:
    """A server that was busy with something else is asked once more, as for a list."""
    profile = misbehaving("type_modified", tmp_path / "struck", type_rule=wary)
    client = Client(profile, discover(tmp_path))
    await client.start()
    try:
        answer = await client.ask(members(tmp_path / "a.py", "# an open\nx."), 5)
    finally:
        await client.close()

    assert answer == Unavailable(Reason.OPEN_TYPE, "it is open")
