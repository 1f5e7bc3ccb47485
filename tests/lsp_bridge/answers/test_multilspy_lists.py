"""Lists in the form that the servers which multilspy downloads give them.

They are written by hand after the servers' sources and documentation. They are not recordings:
none of these servers could be run, and none has sent them.
"""

from typing import Any

from lsp_bridge import PROFILES
from lsp_bridge.answers import completions
from monitors.protocols import Reason, Unavailable


def read(name: str, items: list[dict[str, Any]], incomplete: bool = False) -> list[str] | Reason:
    """Names of a list at the end of ``box.``, or why it is worth nothing."""
    response = {"isIncomplete": incomplete, "items": items}
    answer = completions.read(response, PROFILES[name], "box.", 4)
    if isinstance(answer, Unavailable):
        return answer.reason
    return [each.text for each in answer.names]


def edit(text: str, start: int = 4, end: int = 4) -> dict[str, Any]:
    """A text edit in the first line."""
    span = {"start": {"line": 0, "character": start}, "end": {"line": 0, "character": end}}
    return {"newText": text, "range": span}


def test_jdt_ls_lists() -> None:
    """Signatures in labels, and casts that would rewrite the receiver."""
    items = [
        {"label": "add(int index, E element) : void", "kind": 2, "textEdit": edit("add")},
        {"label": "★ size() : int", "kind": 2, "filterText": "size", "textEdit": edit("size()")},
        {"label": "length : int", "kind": 5, "insertText": "length"},
        {"label": "class : Class<Box>", "kind": 14, "textEdit": edit("class")},
        {"label": "open() : void - Lid", "kind": 2, "textEdit": edit("((Lid)box).open()", 0)},
        {"label": "$jacoco() : void", "kind": 2, "textEdit": edit("$jacoco()")},
        {"label": "box.sysout", "kind": 15, "textEdit": edit("System.out.println(box);", 0)},
    ]

    assert read("eclipse-jdtls", items) == ["add", "size", "length", "$jacoco"]
    assert read("eclipse-jdtls", items, incomplete=True) is Reason.INCOMPLETE
    members = ["equals", "getClass", "hashCode", "notify", "notifyAll", "toString", "wait"]
    assert read("eclipse-jdtls", [{"label": f"{it}() : x", "insertText": it} for it in members])


def test_omnisharp_lists() -> None:
    """Generic names, namespaces of kind text, and what stands for operators."""
    items = [
        {"label": "Add", "kind": 2, "textEdit": edit("Add"), "insertTextFormat": 1},
        {"label": "OfType<>", "kind": 2, "textEdit": edit("OfType"), "insertTextFormat": 1},
        {"label": "Generic", "kind": 1, "textEdit": edit("Generic"), "insertTextFormat": 1},
        {"label": "event", "kind": 5, "textEdit": edit("@event"), "insertTextFormat": 1},
        {"label": "this[]", "kind": 10, "textEdit": edit("this[]"), "insertTextFormat": 1},
        {"label": "(int)", "kind": 24, "textEdit": edit("((int)box)", 0)},
        {"label": "==", "kind": 24, "textEdit": edit(" == ", 3)},
    ]

    assert read("omnisharp", items) == ["Add", "OfType", "Generic", "@event"]
    assert read("omnisharp", items, incomplete=True) is Reason.INCOMPLETE
    bare = [{"label": it} for it in ("Equals", "GetHashCode", "GetType", "ToString")]
    assert read("omnisharp", bare) is Reason.UNKNOWN_TYPE
    assert read("omnisharp", [*bare, {"label": "Length"}]) != Reason.UNKNOWN_TYPE


def test_kotlin_lists() -> None:
    """Accessors are listed as properties, unknown types as extensions alone."""
    member = {"label": "hashCode()", "insertText": "hashCode", "detail": "fun hashCode(): Int"}
    extension = {
        "label": "also(block: (T) -> Unit)",
        "insertText": "also",
        "detail": "fun <T> T.also(block: (T) -> Unit): T",
        "kind": 3,
    }
    getter = {
        "label": "name",
        "insertText": "name",
        "detail": "fun getName(): String (from getName())",
        "kind": 3,
    }
    quoted = {"label": "in", "insertText": "`in`", "detail": "val `in`: Int", "kind": 10}

    found = read("kotlin-language-server", [member, extension, getter, quoted])
    assert found == ["hashCode", "also", "name", "`in`", "getName"]
    assert read("kotlin-language-server", [extension]) is Reason.OPEN_TYPE
    assert read("kotlin-language-server", [member] * 75, incomplete=True) is Reason.INCOMPLETE
    assert read("kotlin-language-server", [{"label": "fun", "kind": 14}]) is Reason.NOT_MEMBERS
    static = {"label": "of(x: a.B)", "insertText": "of", "detail": "fun of(x: a.B): C", "kind": 3}
    assert read("kotlin-language-server", [static]) == ["of"]


def test_solargraph_lists() -> None:
    """Question and exclamation marks belong to names, the sign of an assignment does not."""
    items = [
        {"label": "empty?", "kind": 2, "detail": "=> Boolean", "textEdit": edit("empty?")},
        {"label": "sort!", "kind": 2, "detail": "=~ Array", "textEdit": edit("sort!")},
        {"label": "name=", "kind": 2, "detail": "=> String", "textEdit": edit("name = ")},
    ]

    assert read("solargraph", items) == ["empty?", "sort!", "name"]
    assert read("solargraph", [*items, {"label": "while", "kind": 14}]) is Reason.NOT_MEMBERS


def test_dart_lists() -> None:
    """Parameters in labels, and what a value that may be null has behind ``?.`` alone."""
    items = [
        {"label": "add(…)", "kind": 2, "filterText": "add", "textEdit": edit("add")},
        {"label": "clear()", "kind": 2, "insertText": "clear"},
        {"label": "length", "kind": 10, "detail": "int", "textEdit": edit("length")},
        {"label": "first", "kind": 10, "textEdit": edit("?.first", 3)},
        {"label": "$id", "kind": 5, "insertText": "$id", "insertTextFormat": 1},
    ]

    assert read("dart", items) == ["add", "clear", "length", "$id"]
    assert read("dart", items, incomplete=True) is Reason.INCOMPLETE
    bare = [{"label": it} for it in ("hashCode", "noSuchMethod(…)", "runtimeType", "toString()")]
    assert read("dart", bare) is Reason.UNKNOWN_TYPE
