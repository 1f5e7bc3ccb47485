"""Completes three unfinished spots of the harbour project, without and with monitors.

python examples/demo.py
"""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

import mgd

PROJECT = Path(__file__).parent / "harbor"
SPOTS = (
    ("manifest.py", "total += vessel."),
    ("crane.py", "hold = vessel."),
    ("billing.py", "total = tariff."),
)
SHOWN_LINES = 3


def main() -> None:
    """Print, for each spot, the prompt's last lines and both completions."""
    console = Console(soft_wrap=True, highlight=False)
    model, tokenizer = mgd.load_model(mgd.BUNDLED_MODEL)
    with mgd.ServerPool(PROJECT) as pool:
        for name, unfinished in SPOTS:
            path = PROJECT / "src" / "harbor" / name
            position = find(path.read_text(), unfinished)
            free, guided = (
                mgd.generate(
                    model,
                    tokenizer,
                    path,
                    position,
                    PROJECT,
                    until="line",
                    monitors=monitors,
                    deadline_s=5,
                    pool=pool,
                )
                for monitors in (False, True)
            )
            invented = mgd.invented_names(path, position, free.text, PROJECT, pool=pool)
            show(console, path, position, free.text, guided, invented)


def find(text: str, unfinished: str) -> tuple[int, int]:
    """1-based line and column just behind ``unfinished``."""
    before = text[: text.index(unfinished) + len(unfinished)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def show(
    console: Console,
    path: Path,
    position: tuple[int, int],
    free: str,
    guided: mgd.Completion,
    invented: list[str],
) -> None:
    """One spot, as text."""
    lines = path.read_text().splitlines()[: position[0]]
    console.print(f"[bold]{path.relative_to(PROJECT)}:{position[0]}:{position[1]}[/]")
    for line in lines[-SHOWN_LINES:]:
        console.print(f"    {escape(line)}", style="dim")
    console.print(f"  without monitors  {escape(lines[-1].strip())}[red]{escape(free)}[/]")
    console.print(f"  with monitors     {escape(lines[-1].strip())}[green]{escape(guided.text)}[/]")
    prevented = ", ".join(invented) or "none here"
    console.print(f"  prevented         {escape(prevented)}")
    stats = guided.stats
    queries = "1 query" if stats.triggers == 1 else f"{stats.triggers} queries"
    console.print(
        f"  {queries}, waited {stats.waited_s * 1000:.0f} ms, "
        f"{stats.tokens_per_second:.0f} tokens/s\n",
        style="dim",
    )


if __name__ == "__main__":
    main()
