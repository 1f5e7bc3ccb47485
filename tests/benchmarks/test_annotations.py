"""How much of a package is annotated."""

from pathlib import Path

from benchmarks.annotations import annotated_share

SOURCE = """\
class A:
    def f(self, a: int, /, b, *, c: str = "") -> None: ...

async def g(d): ...
"""


def test_parameters_count_and_self_does_not(tmp_path: Path) -> None:
    """Two of four."""
    (tmp_path / "a.py").write_text(SOURCE)

    assert annotated_share([tmp_path / "a.py"]) == 0.5


def test_a_package_without_parameters_has_no_share() -> None:
    """Never a made-up zero."""
    assert annotated_share([]) is None
