"""What a command shows while it works, and what it says of its time."""

import gc
import io
import time

from rich.console import Console

from mgd.progress import Stopwatch, seldom_collecting, shown


def test_the_parts_make_up_the_total() -> None:
    """A part that comes twice counts twice."""
    watch = Stopwatch(time.perf_counter() - 1.0)
    watch.lap("start_up")
    time.sleep(0.01)
    watch.lap("work")
    watch.lap("work")
    seconds = watch.as_dict()

    assert list(seconds) == ["start_up", "work", "total"]
    assert 1.0 <= seconds["start_up"] < 1.5
    assert seconds["work"] >= 0.01
    assert abs(seconds["start_up"] + seconds["work"] - seconds["total"]) < 0.1


def test_a_terminal_is_shown_what_goes_on() -> None:
    """In a line that is wiped out at the end; names are not taken for markup."""
    terminal = io.StringIO()
    with shown(Console(file=terminal, force_terminal=True, width=80)) as show:
        show("loading [bold]")
        time.sleep(0.2)

    assert "loading [bold] ..." in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")


def test_a_pipe_is_shown_nothing() -> None:
    """Scripts read what is written there."""
    pipe = io.StringIO()
    with shown(Console(file=pipe)) as show:
        show("loading")

    assert pipe.getvalue() == ""


def test_the_collector_is_as_it_was_behind_the_command() -> None:
    """Also for whoever calls the command from a program."""
    before = gc.get_threshold()
    with seldom_collecting():
        assert gc.get_threshold() != before

    assert gc.get_threshold() == before
