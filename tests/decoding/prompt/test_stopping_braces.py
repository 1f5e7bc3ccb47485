"""Where generation ends in languages with braces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.prompt.stopping import open_stopper, stop_index
from decoding.prompt.until import Until
from monitors.languages.c import C
from monitors.languages.go import GO
from monitors.languages.language import Language
from monitors.languages.rust import RUST
from tests.strategies import brace_like, splits

F = "int f() {\n  "
# ‸ is the cursor, ■ where generation stops; without one it goes on.
CASES = [
    (C, Until.LINE, "x = a.‸b;■\ny;\n"),
    (C, Until.LINE, "x = a.‸b"),
    (C, Until.LINE, F + "‸\n  x;■\ny"),
    (C, Until.LINE, "x = a.‸■\ny"),
    (C, Until.STATEMENT, F + "x = a.‸b(c);■ y;"),
    (C, Until.STATEMENT, F + "x = a.‸b(\n    c,\n    d);■\n  y;"),
    (C, Until.STATEMENT, F + "if (a.‸b) {\n    c;\n  }■\n  d;"),
    (C, Until.STATEMENT, F + "if (a.‸b) {\n    c;\n  } else {\n    e;\n  }■\n  d;"),
    (C, Until.STATEMENT, F + "do {\n    a.‸b;■\n    c;\n  } while (x);"),
    (C, Until.STATEMENT, F + "‸do {\n    b;\n  } while (x);■\n y"),
    (C, Until.STATEMENT, F + "x = a.‸b■\n}\n"),
    (C, Until.STATEMENT, F + 'x = a.‸b(";}");■ y'),
    (C, Until.STATEMENT, F + "for (i = a.‸b; i < 3; i++) {\n c;\n}■\nd;"),
    (C, Until.FUNCTION, F + "x = a.‸b;\n  if (c) {\n    d;\n  }\n  return e;\n}■\nint g() {"),
    (C, Until.FUNCTION, F + "if (x) {\n    a.‸b;\n  }\n  y;\n}■\n"),
    (C, Until.FUNCTION, "‸int f() {\n  a;\n}■\nint g() {}"),
    (C, Until.FUNCTION, "struct s {\n  int x;\n};\n‸int y;\nint f(void) {\n}■\n"),
    (GO, Until.STATEMENT, "func f() {\n\tx := a.‸b()■\n\ty()\n}"),
    (GO, Until.STATEMENT, "func f() {\n\tx := a.‸b(\n\t\tc,\n\t)■\n\ty()\n}"),
    (GO, Until.STATEMENT, "func f() {\n\tx := a.‸b().\n\t\tc()■\n\ty()\n}"),
    (GO, Until.STATEMENT, "func f() {\n\tfor x := range a.‸b {\n\t\tc()\n\t}■\n\td()\n}"),
    (GO, Until.FUNCTION, "func f() {\n\tif a.‸b {\n\t\tc()\n\t}\n\td()\n}■\n\nfunc g() {"),
    (GO, Until.FUNCTION, "func f() {\n\tgo func() {\n\t\ta.‸b()\n\t}■()\n}\n"),
    (RUST, Until.STATEMENT, "fn f() {\n    let x = a.‸b()\n        .c()\n        .d();■\n    e();"),
    (RUST, Until.FUNCTION, "impl A {\n    fn f(&self) {\n        self.‸b();\n    }■\n    fn g"),
    (
        RUST,
        Until.FUNCTION,
        "fn f() {\n    match a {\n        B => {\n            c.‸d\n        }\n    }\n}■\n",
    ),
]


@pytest.mark.parametrize(("language", "until", "marked"), CASES)
def test_stop_index(language: Language, until: Until, marked: str) -> None:
    """The end is found as soon as the text shows it, whatever pieces the text comes in."""
    prefix, generated = marked.split("‸")
    text = generated.replace("■", "")
    expected = generated.index("■") if "■" in generated else None

    assert stop_index(language, prefix, text, until) == expected
    stopper = open_stopper(language, prefix, until)
    found = [stopper.update(character) for character in text]
    assert found[-1] == expected


@settings(deadline=None)
@given(pieces=splits(brace_like()), until=st.sampled_from(Until))
def test_pieces_do_not_matter(pieces: list[str], until: Until) -> None:
    """Reading piece by piece ends where reading at once does, and forks do not interfere."""
    whole = stop_index(C, F, "".join(pieces), until)
    stopper = open_stopper(C, F, until)
    fork = stopper.fork()
    found = None
    for piece in pieces:
        found = stopper.update(piece)

    assert found == whole
    assert fork.update("".join(pieces)) == whole
