"""The command line: a caller's mistake is one line on standard error and exit code 2."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mgd.cli import main
from tests.tokenizers import wordpiece, wrapped


@dataclass(frozen=True)
class Ran:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on standard error; nothing else may be there, or on standard output."""
        assert self.code == 2, self
        assert self.out == ""
        [line] = self.err.splitlines()
        assert line.startswith("mgd: ")
        return line


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["mgd", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small file in a project of its own."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/pyproject.toml").write_text("")
    path = tmp_path / "shop" / "app.py"
    path.write_text("import os\nx = os.\n")
    return path


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Programs are looked up beside the interpreter and on PATH: both are empty."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.mark.parametrize(
    "spot", ["app.py", "app.py:1", "app.py:1:x", "app.py:-1:1", "app.py:1.5:1", ":1:1", ""]
)
def test_a_bad_spot_is_shown_how_to_be_written(run: Run, spot: str) -> None:
    """What was got, what was expected, and an example."""
    line = run("complete", "--", spot).complaint

    assert repr(spot) in line
    assert "expected FILE:LINE:COL" in line


def test_a_position_in_a_notebook_names_a_cell(run: Run, tmp_path: Path) -> None:
    """Counted from 1; the other two numbers are lines and columns of the cell."""
    cells = [{"cell_type": "code", "source": "import os\n"}, {"cell_type": "code", "source": "os."}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"nbformat": 4, "cells": cells}))
    ran = run("complete", "a.ipynb:2:1:4", "--no-monitors", "--until", "1")

    assert (ran.code, ran.err) == (0, "")
    assert "column 5 is outside line 1" in run("complete", "a.ipynb:2:1:5").complaint
    assert "expected FILE:LINE:COL" in run("complete", "a.ipynb:2:1").complaint
    assert "which has 2 cells" in run("complete", "a.ipynb:3:1:1").complaint


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ("9:1", "line 9 is outside the file, which has 3 lines"),
        ("0:1", "line 0 is outside the file"),
        ("2:9", "column 9 is outside line 2, which has columns 1 to 8"),
        ("2:0", "column 0 is outside line 2"),
        ("99999999999999999999:1", "is outside the file"),
    ],
)
def test_a_position_outside_the_file(run: Run, file: Path, position: str, message: str) -> None:
    """The message says how far the file reaches."""
    assert message in run("complete", f"{file}:{position}").complaint


def test_positions_in_messages_are_not_taken_for_emoji(run: Run) -> None:
    """``:100:`` is a line number, whatever the terminal library makes of it."""
    assert "no:100:1" in run("complete", "no:100:1:x").complaint


def test_a_missing_file(run: Run) -> None:
    """Named as it was typed."""
    assert "missing.py: No such file" in run("complete", "missing.py:1:1").complaint


def test_a_folder_in_place_of_a_file(run: Run, file: Path) -> None:
    """It cannot be completed."""
    assert "mgd: " in run("complete", f"{file.parent}:1:1").complaint


def test_a_file_of_an_unknown_language(run: Run, tmp_path: Path) -> None:
    """The known suffixes are named."""
    (tmp_path / "main.zig").write_text("pub fn main() void {}\n")

    assert "expected one of .c, .cc, .cjs" in run("complete", "main.zig:1:1").complaint
    assert "expected one of .c, .cc, .cjs" in run("replay", "main.zig").complaint


def test_a_file_that_is_not_utf8(run: Run, file: Path) -> None:
    """Refused by both commands."""
    file.write_bytes(b"x = '\xe4'\n")

    assert "app.py is not UTF-8" in run("complete", f"{file}:1:1").complaint
    assert "app.py is not UTF-8" in run("replay", file).complaint


def test_a_pipe_in_place_of_a_file(run: Run, tmp_path: Path) -> None:
    """Refused, not waited for."""
    os.mkfifo(tmp_path / "pipe.py")

    assert "pipe.py is not a regular file" in run("complete", "pipe.py:1:1").complaint


def test_a_file_outside_the_workspace(run: Run, file: Path, tmp_path: Path) -> None:
    """Refused before a model is loaded; the option that helps is named."""
    (tmp_path / "other").mkdir()
    line = run("complete", f"{file}:1:1", "--workspace", tmp_path / "other").complaint

    assert "outside the workspace" in line
    assert "--workspace" in line


def test_a_workspace_that_is_no_folder(run: Run, file: Path, tmp_path: Path) -> None:
    """Neither a missing one, nor a file."""
    for workspace in (tmp_path / "nowhere", file):
        assert run("complete", f"{file}:1:1", "--workspace", workspace).complaint
        assert run("replay", file, "--workspace", workspace).complaint


@pytest.mark.parametrize("name", ["no-such/model", "nowhere", "."])
def test_an_unknown_model(run: Run, file: Path, name: str) -> None:
    """Nothing is downloaded; the message says what a model is."""
    line = run("complete", f"{file}:2:8", "--model", name).complaint

    assert repr(name) in line
    assert "expected a folder with config.json and weights" in line


def test_an_unknown_server(run: Run, file: Path) -> None:
    """The known ones are listed."""
    for command in (["complete", f"{file}:1:1"], ["replay", str(file)]):
        line = run(*command, "--server", "zls").complaint

        assert "'zls'" in line
        assert "jedi, kotlin-language-server, omnisharp, pyrefly, pyright" in line


def test_a_server_for_another_language(run: Run, file: Path) -> None:
    """What it understands is said."""
    for command in (["complete", f"{file}:1:1"], ["replay", str(file)]):
        line = run(*command, "--server", "gopls").complaint

        assert "gopls" in line
        assert "understands" in line


@pytest.mark.parametrize(
    ("server", "remedy"),
    [
        ("pyright", "npm install --global pyright"),
        ("pyrefly", "pip install pyrefly"),
        ("jedi", "pip install multilspy"),
        (None, "pip install pyrefly"),
    ],
)
@pytest.mark.usefixtures("nothing_installed")
def test_a_server_that_is_not_installed(
    run: Run, file: Path, server: str | None, remedy: str
) -> None:
    """The line ends with the command that installs it."""
    option = [] if server is None else ["--server", server]

    assert run("complete", f"{file}:1:1", *option).complaint.endswith(remedy)
    assert run("replay", file, *option).complaint.endswith(remedy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense"], "--nonsense"),
        (["--max-new-tokens", "many"], "'--max-new-tokens'"),
        (["--max-new-tokens", "0"], "max_new_tokens=0; expected 1 or more"),
        (["--max-new-tokens", "-3"], "expected 1 or more"),
        (["--max-new-tokens", "2000"], "no room"),
        (["--until", "0"], "max_new_tokens=0; expected 1 or more"),
        (["--until", "forever"], "'forever'; expected line, statement, function, or a number"),
        (["--until", ""], "expected line"),
        (["--crossing", "maybe"], "'maybe'; expected one of verify, split"),
        (["--deadline-ms", "0"], "a deadline of 0.0 s; expected more than 0"),
        (["--deadline-ms", "-1"], "expected more than 0"),
        (["--start-ms", "-1"], "start_timeout_s=-0.001; expected 0 or more"),
        (["--temperature", "-1"], "temperature=-1.0; expected 0 or more"),
        (["--seed", "x"], "'--seed'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options_of_complete(run: Run, file: Path, arguments: list[str], message: str) -> None:
    """What was got and what was expected."""
    assert message in run("complete", f"{file}:2:8", *arguments).complaint


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", "app.py", "--limit", "x"],
        ["replay", "app.py", "--step-ms", "-1"],
        ["replay", "app.py", "--limit", "-1"],
        ["replay", "app.py", "--deadline-ms", "0"],
        ["replay", "missing.py"],
        ["replay", "missing/"],
        ["replay"],
        ["complete"],
        ["conjure"],
        ["--conjure"],
        ["replay", "app.py", "--tokenizer", "nowhere"],
        ["replay", "app.py", "--tokenizer", "app.py"],
        ["doctor", "now"],
    ],
    ids=" ".join,
)
def test_other_mistakes(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    """One line for every command."""
    (tmp_path / "app.py").write_text("x = 1\n")

    assert run(*arguments).complaint


def test_a_folder_without_a_source_file(run: Run, tmp_path: Path) -> None:
    """There is nothing to replay."""
    assert "found no source file" in run("replay", tmp_path).complaint


def tiny_model(folder: Path, vocabulary: int) -> None:
    """Config and random weights of a model that is small enough for a test."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def word_piece(folder: Path) -> None:
    """A tokenizer whose tokens have no exact bytes."""
    wrapped(wordpiece(), "[UNK]").save_pretrained(folder)


def slow_only(folder: Path) -> None:
    """A tokenizer that exists in Python alone."""
    (folder / "vocab.json").write_text(json.dumps({"<unk>": 0, "a": 1, "b": 2}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CTRLTokenizer"}))


@pytest.mark.parametrize("tokenizer", [word_piece, slow_only])
def test_a_model_whose_tokens_cannot_be_turned_into_bytes(
    run: Run,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tokenizer: Callable[[Path], None],
) -> None:
    """Refused: a mask over it could not be exact."""
    folder = tmp_path / "model"
    tiny_model(folder, 16)
    tokenizer(folder)
    capsys.readouterr()  # the progress of saving
    line = run("complete", f"{file}:2:8", "--model", folder).complaint

    assert "tokenizer" in line


def test_help_names_every_command(run: Run) -> None:
    """With exit code 0."""
    ran = run("--help")

    assert ran.code == 0
    for command in ("complete", "replay", "doctor"):
        assert command in ran.out


def test_no_command_prints_help(run: Run) -> None:
    """And not a stack trace."""
    ran = run()

    assert "Usage" in ran.out + ran.err
    assert "Traceback" not in ran.err


def test_a_completion_as_json(run: Run, file: Path) -> None:
    """One object with the text and the statistics; nothing else on standard output."""
    ran = run("complete", f"{file}:2:5", "--no-monitors", "--json", "--max-new-tokens", 3)
    value = json.loads(ran.out)

    assert ran.code == 0
    assert set(value) == {"text", "stats", "seconds", "workspace"}
    assert set(value["seconds"]) == {"start_up", "model", "completion", "total"}
    assert value["stats"]["wall_s"] <= value["seconds"]["completion"] + 0.001
    assert isinstance(value["text"], str)
    assert value["stats"]["tokens"] <= 3
    assert value["stats"]["triggers"] == 0


@pytest.mark.usefixtures("nothing_installed")
def test_without_monitors_no_server_is_needed(run: Run, file: Path) -> None:
    """Nobody would be asked."""
    ran = run("complete", f"{file}:2:5", "--no-monitors", "--max-new-tokens", 2)

    assert ran.code == 0
    assert ran.err == ""


def test_a_number_of_tokens_is_a_place_to_stop(run: Run, file: Path) -> None:
    """``--until '2 tokens'`` is written like a rule and stands for a limit."""
    for until in ("2", "2 tokens"):
        ran = run("complete", f"{file}:1:1", "--no-monitors", "--json", "--until", until)

        assert json.loads(ran.out)["stats"]["tokens"] <= 2


def finding(values: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The finding called ``name``."""
    [found] = [value for value in values if value["name"] == name]
    return found


def test_doctor_lists_everything_that_is_looked_for(run: Run) -> None:
    """Every server, the engine and the model; here nothing that is required is missing."""
    ran = run("doctor", "--json")
    values = json.loads(ran.out)

    assert ran.code == 0
    assert {value["name"] for value in values} >= {
        *("python", "torch", "transformers", "pyrefly", "jedi", "pyright")
    }
    for value in values:
        assert set(value) == {"kind", "name", "version", "fix", "required"}
        assert bool(value["version"]) != bool(value["fix"])
    table = run("doctor")
    assert table.code == 0
    for value in values:
        assert value["name"] in table.out


@pytest.mark.usefixtures("nothing_installed")
def test_doctor_says_how_to_get_what_is_missing(run: Run) -> None:
    """The default server is required, the others are not."""
    ran = run("doctor", "--json")
    values = json.loads(ran.out)

    assert ran.code == 1
    assert finding(values, "pyrefly")["fix"] == "pip install pyrefly"
    assert finding(values, "pyright")["fix"] == "npm install --global pyright"
    assert [finding(values, name)["required"] for name in ("pyrefly", "pyright")] == [True, False]
    assert "pip install pyrefly" in run("doctor").out
