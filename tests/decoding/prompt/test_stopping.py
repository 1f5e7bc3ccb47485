"""Where generation ends: after a line, a statement, a function."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.prompt.stopping import open_stopper, stop_index
from decoding.prompt.until import Until
from monitors.errors import UsageError
from monitors.languages.python import PYTHON
from tests.strategies import python_like, splits

# (what, text with ‸ for the cursor and ■ for the expected end; no ■: generation goes on)
CASES = [
    (Until.LINE, "x = ‸1■\ny"),
    (Until.LINE, "x = ‸■\ny"),
    (Until.LINE, "    ‸\n\n  a■\n"),
    (Until.LINE, "f(‸a,■\n b)"),
    (Until.LINE, "f(a,\n  b, ‸c■\n)"),
    (Until.LINE, "f(a,\n  ‸\n)■\n"),
    (Until.LINE, "‸ab"),
    (Until.LINE, "‸a■\r\nb"),
    (Until.STATEMENT, "x = foo.‸bar■\ny"),
    (Until.STATEMENT, "x = foo.‸■\ny"),
    (Until.STATEMENT, "x = foo.‸bar(\n  1,\n)■\ny"),
    (Until.STATEMENT, "x = f(\n  foo.‸bar,\n)■\ny"),
    (Until.STATEMENT, "x = f(\n‸)■\ny"),
    (Until.STATEMENT, "x = '''‸a\nb'''■\ny"),
    (Until.STATEMENT, "x = 'a‸b■\ny"),
    (Until.STATEMENT, "x = a + \\‸\n  b■\ny"),
    (Until.STATEMENT, "x = a + \\\r\n‸  b■\r\ny"),
    (Until.STATEMENT, "‸# c\n\nx = 1■\ny"),
    (Until.STATEMENT, "x = f(‸a■\ndef g(): pass\ny"),
    (Until.STATEMENT, "‸if a:\n    b\n\n    c■\n\nd"),
    (Until.STATEMENT, "‸if a:\n    b\n"),
    (Until.STATEMENT, "if ‸a:\n    b\nelif c:\n    d\nelse:\n    e■\nelsewhere = 1"),
    (Until.STATEMENT, "i‸f a:\n    b■\nc"),
    (Until.STATEMENT, "    ‸if a:\n        b■\nc"),
    (Until.STATEMENT, "‸    if a:\n        b■\n    c"),
    (Until.STATEMENT, "if a:\n    x = ‸b■\n    c"),
    (Until.STATEMENT, "‸try:\n    a\n# b\nexcept E:\n    c\n    # d■\n# e\ng"),
    (Until.STATEMENT, "‸@a\n@b\ndef f():\n    c■\n@d\ndef g"),
    (Until.STATEMENT, "‸async def f():\n    c■\nd"),
    (Until.STATEMENT, "‸async_ = 1■\n"),
    (Until.STATEMENT, "‸match a:\n    case 1:\n        b■\nc"),
    (Until.STATEMENT, "‸def f(\n    a,\n):\n    b■\nc"),
    (Until.STATEMENT, "‸if a:\n    '''\nb\n'''\n    c■\nd"),
    (Until.FUNCTION, "def f():\n    a = ‸b\n\n    c■\n\nd"),
    (Until.FUNCTION, "def f():\n‸    a■\n\n# b\nd"),
    (Until.FUNCTION, "def f():\n    a\n‸■\nd"),
    (Until.FUNCTION, "def f(‸a,\n  b\n):\n    c\n    # d■\n    \n)"),
    (
        Until.FUNCTION,
        "class A:\n    def f(self):\n        ‸a\n        if b:\n            c■\n    x = 1",
    ),
    (Until.FUNCTION, "def f():\n    def g():\n        a\n    ‸b\n    def h():\n        c■\nd"),
    (Until.FUNCTION, "def f():\n    def g():\n        a\n    b‸c\n    d■\ne"),
    (Until.FUNCTION, "def f():\n    x = '''\n‸a\n'''\n    b■\nc"),
    (Until.FUNCTION, "def f():\n    x = g(\n    ‸a,\nb)\n    c■\nd"),
    (Until.FUNCTION, "def f():\n    x = g(‸a■\ndef h(): pass"),
    (Until.FUNCTION, "‸import a\nx = 1■\n\n\ndef f"),
    (Until.FUNCTION, "‸import a\nx = 1■\n\n\ndef f():"),
    (Until.FUNCTION, "‸\n# a\n@b\ndef f():\n    c\nx = 1■\n@d\nclass E:"),
    (Until.FUNCTION, "x = ‸1■\nasync def f():"),
    (Until.FUNCTION, "‸x = 1\nasync for"),
    (Until.FUNCTION, "‸x = 1\ndefs = 1\nclassy"),
    (Until.FUNCTION, "class A:\n    ‸def f(self):\n        a■\n    def g(self):"),
    (Until.FUNCTION, "class A:\n    ‸x = 1■\ny = 1"),
    (Until.FUNCTION, "def f():\n    a\nde‸f g():\n    b■\nclass C:"),
]


@pytest.mark.parametrize(("until", "marked"), CASES)
def test_stop_index(until: Until, marked: str) -> None:
    """Generation ends where the mark is, however the text is split; else it goes on."""
    prefix, _, rest = marked.partition("‸")
    generated, mark, after = rest.partition("■")
    text = generated + after
    expected = len(generated) if mark else None
    assert stop_index(PYTHON, prefix, text, until) == expected
    stopper = open_stopper(PYTHON, prefix, until)
    results = [stopper.update(char) for char in text]
    assert results[-1] == expected


@settings(max_examples=200, deadline=None)
@given(python_like(), splits(python_like()), st.sampled_from(Until))
def test_split_invariance(prefix: str, pieces: list[str], until: Until) -> None:
    """The end does not depend on how generated text was split, nor on forks that went astray."""
    stopper = open_stopper(PYTHON, prefix, until)
    for piece in pieces:
        stopper.fork().update("\n)\nx = 1\n")
        stopper.update(piece)
    found = stopper.update("")
    whole = stop_index(PYTHON, prefix, "".join(pieces), until)
    assert found == whole
    assert found is None or 0 <= found <= len("".join(pieces))


def test_a_wrong_rule_is_refused() -> None:
    """The message names the rules."""
    with pytest.raises(UsageError, match="line, statement, function"):
        open_stopper(PYTHON, "", "page")


def test_stays_stopped() -> None:
    """Text that comes after the end changes nothing."""
    stopper = open_stopper(PYTHON, "x = ", "line")
    assert stopper.update("1\n") == 1
    assert stopper.update("more") == 1
