"""The options of ``mgd complete`` that name an endpoint."""

import sys
from pathlib import Path

import pytest

from mgd.cli import main


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bias-limit", "9"], "without --endpoint; name the endpoint, or leave them out"),
        (["--tokenizer", "x"], "without --endpoint"),
        (["--endpoint-model", "x"], "without --endpoint"),
        (["--api-key", "x"], "without --endpoint"),
        (["--endpoint", "http://h", "--model", "x"], "name the served model with --endpoint-model"),
        (["--endpoint", "http://h", "--bias-limit", "0"], "bias_limit=0; expected 1 or more"),
        (["--endpoint", "host:80", "--tokenizer", "x"], "such as http://localhost:8000/v1"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is loaded or generated."""
    file = tmp_path / "app.py"
    file.write_text("x = 1\n")
    monkeypatch.setattr(sys, "argv", ["mgd", "complete", f"{file}:1:1", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    [line] = capsys.readouterr().err.splitlines()

    assert ended.value.code == 2
    assert message in line
