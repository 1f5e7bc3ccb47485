"""Where a receiver ends, and how its types are looked up."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lsp_bridge.answers.type_definitions import receiver, why_open
from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Definition
from lsp_bridge.servers.transport import GarbledMessageError, ResponseError
from monitors.protocols import QueryKind

TYPE = "textDocument/typeDefinition"
NAME = "textDocument/definition"


def question(text: str, path: str = "/shop/page.rs") -> Question:
    """A question at the mark in Rust code."""
    prefix, _, suffix = text.partition("‸")
    return Question(QueryKind.MEMBERS, path, "rust", prefix + suffix, len(prefix))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(a).‸ }", "f(a)| .‸ }"),
        ("s .‸", "s| .‸"),
        ("s\n    .‸;", "s|\n    .‸;"),
        ("s. ‸", "s| . ‸"),
        ("std::mem::‸", "std::mem| ::‸"),
        (
            "s // see http://a // b\n    // more\n    .‸",
            "s| // see http://a // b\n    // more\n    .‸",
        ),
        ("s /* two\nlines */.‸", "s| /* two\nlines */.‸"),
        ("A /* a type */ ::‸", "A| /* a type */ ::‸"),
        ('"http://a".‸', '"http://a"| .‸'),
        ('"\'// ".‸', '"\'// "| .‸'),
    ],
)
def test_a_blank_parts_the_receiver_from_its_operator(text: str, expected: str) -> None:
    """The receiver's end is shown as ``|``; comments behind it are no part of it."""
    found = receiver(question(text))

    assert found is not None
    sent, end, _ = found
    shown = f"{sent.text[: sent.cursor]}‸{sent.text[sent.cursor :]}"
    assert f"{shown[:end]}|{shown[end:]}" == expected


@pytest.mark.parametrize("text", ["‸", "s‸", "s" + " // and\n" * 9 + ".‸"])
def test_a_receiver_that_is_not_found(text: str) -> None:
    """There is no operator, or much lies between."""
    assert receiver(question(text)) is None


def place(line: int, column: int) -> dict[str, int]:
    """A position."""
    return {"line": line, "character": column}


def link(path: Path | str, start: int, name: tuple[int, int, int]) -> dict[str, Any]:
    """A definition that begins with line ``start``; line and columns of its name."""
    line, first, last = name
    return {
        "targetUri": Path(path).as_uri(),
        "targetRange": {"start": place(start, 0), "end": place(line + 1, 0)},
        "targetSelectionRange": {"start": place(line, first), "end": place(line, last)},
    }


class Answering:
    """Answers requests by method, line and column, and shows which there were."""

    def __init__(self, answers: Mapping[tuple[str, int, int], Any]) -> None:
        self.answers = answers
        self.seen: list[Sequence[Definition]] = []

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The answer; a place that nothing is known of is a mistake of the test's."""
        at = params["position"]
        return self.answers[method, at["line"], at["character"]]

    def rule(self, definitions: Sequence[Definition]) -> str:
        """A rule for which every type is open."""
        self.seen.append(definitions)
        return " ".join(each.name for each in definitions)

    async def why(
        self, text: str, path: Path | str = "/shop/page.rs", encoding: Encoding = Encoding.UTF16
    ) -> str:
        """Names of the receiver's types."""
        return await why_open(self.rule, receiver(question(text, str(path))), encoding, self.ask)


@pytest.mark.asyncio
async def test_a_type_of_the_document_itself(tmp_path: Path) -> None:
    """It is read as the server was shown it, not as it was saved."""
    path = tmp_path / "page.rs"
    path.write_text("saved\n" * 5)
    text = "#[a]\npub struct Ö𝄞 { b: u8 }\nfn f(o: Ö𝄞) { o.‸ }\n"
    server = Answering({(TYPE, 2, 16): [link(path, 0, (1, 11, 14))]})

    assert await server.why(text, path) == "Ö𝄞"
    [[definition]] = server.seen
    assert definition.header == "#[a]\npub struct "
    assert definition.rest.startswith(" { b: u8 }\nfn f(")


@pytest.mark.asyncio
async def test_columns_are_counted_as_agreed(tmp_path: Path) -> None:
    """Here in bytes."""
    path = tmp_path / "page.rs"
    server = Answering({(TYPE, 0, 4): [link(path, 0, (1, 5, 9))]})

    assert await server.why('"é".‸\ntype 𝄞 = u8;', path, Encoding.UTF8) == "𝄞"


@pytest.mark.asyncio
async def test_types_of_other_files(tmp_path: Path) -> None:
    """They are read from disk, blanks in their paths included; the outermost type is first."""
    path = tmp_path / "a b" / "lib.rs"
    path.parent.mkdir()
    path.write_text("struct A;\nstruct B;\n")
    server = Answering({(TYPE, 0, 1): [link(path, 1, (1, 7, 8)), link(path, 0, (0, 7, 8))]})

    assert await server.why("s.‸") == "B A"


@pytest.mark.parametrize("response", [None, []])
@pytest.mark.asyncio
async def test_a_type_that_is_defined_nowhere(response: Any) -> None:
    """The rule is asked all the same."""
    server = Answering({(TYPE, 0, 1): response})

    assert await server.why("s.‸") == ""
    assert server.seen == [[]]


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("A", 1),
        ("b::A", 4),
        ("A::<u8>", 1),
        ("A<Vec<u8>>", 1),
        ("A::<fn() -> u8>", 1),
        ("<A>", 1),
        ("<A as B>", 1),
        ("A>", 1),
    ],
)
@pytest.mark.asyncio
async def test_paths_lead_to_definitions(tmp_path: Path, path: str, column: int) -> None:
    """By the last name that is no type argument."""
    file = tmp_path / "lib.rs"
    file.write_text("struct A;\n")
    server = Answering({(NAME, 0, column): [link(file, 0, (0, 7, 8))], (TYPE, 0, 7): []})

    assert await server.why(f"{path}::‸") == "A"


@pytest.mark.parametrize(
    ("text", "name", "asked"),
    [
        ("impl<T> A<T> {\n", (0, 8, 9), (0, 8)),
        ("pub type B<T> = A<T>;\n", (0, 9, 10), (0, 16)),
        ("type B<T: X = u8> =\n  A;\n", (0, 5, 6), (1, 2)),
        ("type B;\n", (0, 5, 6), (0, 5)),
    ],
)
@pytest.mark.asyncio
async def test_an_alias_leads_on(
    tmp_path: Path, text: str, name: tuple[int, int, int], asked: tuple[int, int]
) -> None:
    """As ``Self`` does, which leads to an ``impl``: the type that is meant comes first."""
    file = tmp_path / "lib.rs"
    file.write_text(text + "\n" * (3 - text.count("\n")) + "struct Meant;\n")
    server = Answering(
        {
            (NAME, 0, 1): [link(file, 0, name)],
            (TYPE, *asked): [link(file, 3, (3, 7, 12))],
        }
    )

    assert (await server.why("B::‸")).startswith("Meant ")


@pytest.mark.parametrize("case", ["missing", "folder", "pipe", "large", "binary", "short"])
@pytest.mark.asyncio
async def test_a_type_that_cannot_be_read_is_open(tmp_path: Path, case: str) -> None:
    """Nothing but regular files of bounded size is read."""
    path = tmp_path / "lib.rs"
    if case == "folder":
        path.mkdir()
    elif case == "pipe":
        os.mkfifo(path)
    elif case == "large":
        with path.open("wb") as file:
            file.truncate(5 << 20)
    elif case == "binary":
        path.write_bytes(b"\xff\n" * 9)
    elif case == "short":
        path.write_text("one line")
    server = Answering({(TYPE, 0, 1): [link(path, 0, (7, 7, 8))]})

    assert "cannot be read" in await server.why("s.‸")
    assert server.seen == []


@pytest.mark.asyncio
@pytest.mark.parametrize("uri", ["untitled:a", "file://[", "file:///%00", ""])
async def test_a_type_that_is_in_no_file_is_open(uri: str) -> None:
    """Such as text that the server has made up."""
    made_up = link("/a", 0, (0, 0, 1)) | {"targetUri": uri}

    assert "cannot be read" in await Answering({(TYPE, 0, 1): [made_up]}).why("s.‸")


@pytest.mark.asyncio
async def test_a_definition_that_is_too_long_is_open(tmp_path: Path) -> None:
    """The time that its attributes take to read is bounded."""
    path = tmp_path / "lib.rs"
    path.write_text("/// a line\n" * 7000 + "struct A;\n")
    server = Answering({(TYPE, 0, 1): [link(path, 0, (7000, 7, 8))]})

    assert "too much" in await server.why("s.‸")


@pytest.mark.asyncio
async def test_a_receiver_that_is_not_found_is_open() -> None:
    """It has no type to look up."""
    assert "no operator" in await Answering({}).why("s‸")


@pytest.mark.parametrize("response", [42, ["a"], [{}], {"uri": "file:///a"}, ["text"], {"line": 1}])
@pytest.mark.asyncio
async def test_an_answer_that_is_no_definition(response: Any) -> None:
    """It is garbled."""
    with pytest.raises(GarbledMessageError, match="no location"):
        await Answering({(TYPE, 0, 1): response}).why("s.‸")


@pytest.mark.asyncio
async def test_an_error_is_passed_on() -> None:
    """The client knows what it means."""

    async def refuse(method: str, params: dict[str, Any]) -> Any:
        raise ResponseError(-32800, "cancelled")

    with pytest.raises(ResponseError):
        await why_open(lambda _: "", receiver(question("s.‸")), Encoding.UTF16, refuse)
