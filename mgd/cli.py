"""The ``mgd`` command: parses, delegates, prints. A caller's mistake: one line, exit code 2."""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from mgd import progress
from mgd.models import BUNDLED_MODEL
from monitors.errors import UsageError

if TYPE_CHECKING:
    from decoding.engines.endpoint.connection import Endpoint
    from decoding.engines.registry import EngineKind
    from decoding.session.statistics import Statistics

_STARTED_S = time.perf_counter()
_SPOT = re.compile(r"(?P<file>.+\.ipynb):(\d+):(\d+):(\d+)|(?P<other>.+):(\d+):(\d+)")
_UNTIL = re.compile(r"(?P<rule>line|statement|function)|(?P<count>\d+)(?:\s*tokens)?")

# Typer's parser raises these; older releases take them from click, newer ones bring their own.
_CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="mgd",
    help="Monitor-guided decoding: code completion in which every dereferenced name exists.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_PIPED_WIDTH = 160
"""Columns of tables where no terminal sets a width; Rich's 80 would cut them."""
# Without emoji: they would replace the line in "app.py:100:5".
_output = Console(
    soft_wrap=True,
    highlight=False,
    emoji=False,
    width=None if sys.stdout.isatty() else _PIPED_WIDTH,
)
_errors = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

ServerOption = Annotated[
    str | None,
    typer.Option(help="Language server [default: the language's own; `mgd doctor` lists them]."),
]
WorkspaceOption = Annotated[
    Path | None,
    typer.Option(help="Project root [default: the nearest folder with .git or pyproject.toml]."),
]
ServedOption = Annotated[
    list[Path],
    typer.Option(metavar="DIR", help="Project root whose files may be read; may be repeated."),
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust-workspace", help="Let servers run the workspace's code."),
]
MonitorOption = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="What is watched, such as dereference,argument_count."),
]
SeedOption = Annotated[int, typer.Option(help="Another sample, with --limit.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def complete(
    spot: Annotated[
        str,
        typer.Argument(
            metavar="FILE:LINE:COL",
            help="Where; 1-based, as editors count. In notebooks FILE.ipynb:CELL:LINE:COL.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(help="Model name, folder or .gguf file [default: the bundled one]."),
    ] = None,
    server: ServerOption = None,
    workspace: WorkspaceOption = None,
    max_new_tokens: Annotated[int, typer.Option(help="Most tokens to generate.")] = 64,
    temperature: Annotated[float, typer.Option(help="0 always takes the likeliest token.")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Seed for temperatures above 0.")] = None,
    monitors: Annotated[
        bool, typer.Option("--monitors/--no-monitors", help="Constrain names, or do not.")
    ] = True,
    monitor: MonitorOption = None,
    crossing: Annotated[
        str, typer.Option(help="Tokens with an operator and a name inside: verify or split.")
    ] = "verify",
    until: Annotated[
        str, typer.Option(help="Stop at the end of a line, statement or function, or 'N tokens'.")
    ] = "line",
    deadline_ms: Annotated[
        float, typer.Option(help="Longest wait for one answer of the server while decoding.")
    ] = 1000.0,
    start_ms: Annotated[
        float, typer.Option(help="Longest wait for the server's start and its first answer.")
    ] = 60_000.0,
    engine: Annotated[
        str | None,
        typer.Option(
            help="What runs the model: transformers, vllm or llama_cpp [default: by the model]."
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Guide an OpenAI-compatible completions endpoint."),
    ] = None,
    endpoint_model: Annotated[
        str | None, typer.Option(help="Model that the endpoint serves [default: the only one].")
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="Tokenizer of the endpoint's model [default: found by its name]."),
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(help="Key of the endpoint [default: $MGD_API_KEY].")
    ] = None,
    bias_limit: Annotated[
        int | None,
        typer.Option(help="Most entries of a logit_bias [default: 1024 for vLLM, else 300]."),
    ] = None,
    trust_workspace: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Complete a file at a position and print what would be inserted there."""
    import mgd
    from decoding import warming
    from decoding.prompt.workspace import find_workspace

    watch = progress.Stopwatch(_STARTED_S)
    path, position = _parse_spot(spot)
    root = workspace or find_workspace(path)
    rule, count = _parse_until(until)
    settings = {"model": endpoint_model, "api_key": api_key, "bias_limit": bias_limit}
    remote = _endpoint(endpoint, settings, model, tokenizer)
    kind = _engine(engine, model, remote is not None, trust_workspace)
    request = mgd.Request.of(
        path,
        position,
        root,
        server=server,
        max_new_tokens=max_new_tokens if count is None else count,
        temperature=temperature,
        seed=seed,
        until=rule,
        monitors=monitors if monitor is None or not monitors else _named(monitor),
        crossing=crossing,
        deadline_s=deadline_ms / 1000,
        start_timeout_s=start_ms / 1000,
        trust_workspace=trust_workspace,
    )
    with progress.seldom_collecting(), progress.shown(_errors) as show:
        document = request.document()
        pool = request.open_pool(document)
        is_ahead = monitors and start_ms > 0 and remote is None and kind.asks_here
        if is_ahead:
            warming.begin(pool, document, server)  # it gets ready while the model is loaded
        watch.lap("start_up")
        loaded: tuple[Any, Any] = (remote, tokenizer)
        if remote is None:
            show(f"loading {model or 'the bundled model'}")
            loaded = kind.load(model or BUNDLED_MODEL, None)
            watch.lap("model")
        waited_s = 0.0
        if is_ahead:
            show(f"waiting for {pool.profile(document.language, server).name}")
            waited_s = warming.finish(pool, document, server, start_ms / 1000)
        show("completing")
        left_s = max(0.0, request.start_timeout_s - waited_s)
        result = mgd.complete(*loaded, request.waiting(left_s))
        result.stats.start_s += waited_s
        watch.lap("completion")
    if as_json:
        shown = {"text": result.text, "stats": result.stats.as_dict(), "seconds": watch.as_dict()}
        _print_json(shown | {"workspace": str(root)})
    else:
        print(result.text)
    _warn_of_unguided(result.stats, root)


def _warn_of_unguided(statistics: "Statistics", workspace: Path) -> None:
    """Say how many points went unguided, and why: names there may be invented."""
    reasons = statistics.fail_open
    if reasons:
        counted = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        total = reasons.total()
        _complain(
            f"unguided at {total} {'point' if total == 1 else 'points'} ({counted}), "
            f"guided at {statistics.constrained}; the workspace is {workspace}"
        )


@app.command()
def replay(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders.")],
    server: ServerOption = None,
    workspace: WorkspaceOption = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="Folder or file with tokenizer.json or tekken.json [default: bundled]."),
    ] = None,
    step_ms: Annotated[float, typer.Option(help="Sleep this long as the forward pass.")] = 0.0,
    limit: Annotated[
        int | None, typer.Option(help="Most dereference sites, from everywhere in the files.")
    ] = None,
    seed: SeedOption = 0,
    fail_under: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=1,
            help="End with 1 if a smaller share of true names or tokens is allowed.",
        ),
    ] = None,
    monitor: MonitorOption = None,
    deadline_ms: Annotated[
        float, typer.Option(help="Longest wait for one answer of the server.")
    ] = 5000.0,
    trust_workspace: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replay real files token by token and report what the masks would have forbidden."""
    from mgd.replaying import print_report, replay_paths, share_to_fail_under, warnings

    report = replay_paths(
        paths,
        tokenizer or Path(BUNDLED_MODEL),
        server=server,
        workspace=workspace,
        step_s=step_ms / 1000,
        limit=limit,
        deadline_s=deadline_ms / 1000,
        trust_workspace=trust_workspace,
        seed=seed,
        monitors=() if monitor is None else _named(monitor),
    )
    if as_json:
        for message in (*warnings(report), *(f"skipped: {each}" for each in report.skipped)):
            _complain(message)
        _print_json(report.as_dict())
    else:
        print_report(report, _output)
    if fail_under is not None and (share := share_to_fail_under(report)) < fail_under:
        _complain(f"a share of {share:.5f} is allowed; expected {fail_under} or more")
        raise typer.Exit(1)


@app.command()
def recall(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders.")],
    server: Annotated[
        list[str] | None,
        typer.Option(help="Language server; may be repeated [default: one for each language]."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Most dereference sites, for each language.")] = 300,
    seed: SeedOption = 0,
    fail_under: Annotated[
        float | None,
        typer.Option(metavar="SHARE", min=0, max=1, help="End with 1 if a recall is smaller."),
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option(help="Project root [default: for each path the one that it lies in]."),
    ] = None,
    deadline_ms: Annotated[
        float, typer.Option(help="Longest wait for one answer of the server.")
    ] = 5000.0,
    suffix_from: Annotated[
        str, typer.Option(help="Text behind the cursor begins behind the written name or line.")
    ] = "name",
    trust_workspace: TrustOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Ask servers about real dereferences and report how often they list the written name."""
    from mgd.recalling import print_recalls, recall_paths, share_to_fail_under, warnings

    recalls, skipped = recall_paths(
        paths,
        server or (),
        workspace=workspace,
        limit=limit,
        deadline_s=deadline_ms / 1000,
        suffix_from=suffix_from,
        trust_workspace=trust_workspace,
        seed=seed,
    )
    if as_json:
        for message in (*warnings(recalls), *(f"skipped: {each}" for each in skipped)):
            _complain(message)
        _print_json([each.as_dict() for each in recalls])
    else:
        print_recalls(recalls, skipped, _output)
    if fail_under is not None and (share := share_to_fail_under(recalls)) < fail_under:
        _complain(f"a recall is {share:.5f}; expected {fail_under} or more")
        raise typer.Exit(1)


@app.command()
def doctor(
    workspace: WorkspaceOption = None,
    trust_workspace: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is installed, what is missing, and how to get it."""
    from mgd import doctor as checks

    findings = checks.examine(workspace, trust_workspace)
    if as_json:
        _print_json([finding.as_dict() for finding in findings])
    else:
        checks.print_findings(findings, _output)
    raise typer.Exit(0 if checks.can_complete(findings) else 1)


@app.command()
def install(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As mgd doctor calls the server.")],
) -> None:
    """Download a language server that multilspy brings: its terms and size are its makers'."""
    from lsp_bridge.profiles import registry
    from lsp_bridge.servers import launch, multilspy_servers

    profile = registry.by_name(name)
    if not multilspy_servers.brings(profile.multilspy):
        raise UsageError(f"mgd does not install {name}: run {profile.install!r} yourself")
    if not launch.is_installed(profile) and (why := multilspy_servers.install(profile.multilspy)):
        _complain(f"{name} was not installed: {why}")
        raise typer.Exit(1)
    print(f"{name} is installed")


def _named(monitors: str) -> tuple[str, ...]:
    """The monitors that an option names."""
    return tuple(name.strip() for name in monitors.split(",") if name.strip())


def _engine(
    name: str | None, model: str | None, remote: bool, trust_workspace: bool
) -> "EngineKind":
    """The engine that runs the model on this machine, or would."""
    from decoding.engines import registry

    if name is None:
        return registry.for_name(model or BUNDLED_MODEL)
    if name not in registry.LOADED:
        raise UsageError(f"got --engine {name}; expected one of {', '.join(registry.LOADED)}")
    kind = registry.named(name)
    if remote and not kind.asks_here:
        raise UsageError("got --engine and --endpoint; leave one of them out")
    if trust_workspace and not kind.asks_here:
        from decoding.engines.vllm.request import TRUST_VARIABLE

        # The servers are started by vLLM's workers, which are told by their environment.
        os.environ[TRUST_VARIABLE] = "1"
    return kind


def _endpoint(
    url: str | None, settings: dict[str, Any], model: str | None, tokenizer: Path | None
) -> "Endpoint | None":
    """The endpoint that the options name, or none; options of the other kind are refused."""
    if url is None:
        if tokenizer is not None or any(value is not None for value in settings.values()):
            raise UsageError(
                "got --endpoint-model, --tokenizer, --api-key or --bias-limit without --endpoint; "
                "name the endpoint, or leave them out"
            )
        return None
    if model is not None:
        raise UsageError("got --model and --endpoint; name the served model with --endpoint-model")
    from decoding.engines.endpoint.connection import Endpoint

    return Endpoint(url, **settings)


@app.command()
def bridge(
    workspace: ServedOption,
    socket: Annotated[
        Path | None,
        typer.Option(help="Path of the Unix socket [default: in a new private folder]."),
    ] = None,
    trust_workspace: TrustOption = False,
) -> None:
    """Answer queries about workspaces for every engine on this machine, until interrupted."""
    from lsp_bridge.bridge import serve, sockets

    folder = sockets.private_folder() if socket is None else None
    try:
        serve(
            workspace,
            socket or Path(folder or "", "bridge.sock"),
            trust_workspace=trust_workspace,
            on_ready=lambda path: print(f"MGD_BRIDGE={path}", flush=True),
        )
    finally:
        if folder is not None:
            folder.rmdir()


@app.command(context_settings={"ignore_unknown_options": True})
def serve(
    workspace: ServedOption,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] [VLLM OPTIONS]...",
            help="Model name or folder [default: the bundled model], then options of vllm serve.",
        ),
    ] = None,
    trust_workspace: TrustOption = False,
) -> None:
    """Serve a model over the OpenAI API with vLLM, guided where requests ask for it."""
    from mgd.serving import server as serving

    model, options = BUNDLED_MODEL, arguments or []
    if options and not options[0].startswith("-"):
        model, *options = options
    plan = serving.plan(model, workspace, options, trust_workspace=trust_workspace)
    raise typer.Exit(serving.run(plan, _say))


def _say(message: str) -> None:
    _errors.print(f"[bold]mgd:[/] {escape(message)}")


def _parse_spot(spot: str) -> tuple[Path, Any]:
    match = _SPOT.fullmatch(spot)
    if match is None or (match["other"] or "").endswith(".ipynb"):
        raise UsageError(
            f"got {spot!r}; expected FILE:LINE:COL, such as src/app.py:41:17, "
            "or FILE.ipynb:CELL:LINE:COL"
        )
    numbers = match.group(2, 3, 4) if match["file"] else match.group(6, 7)
    return Path(match["file"] or match["other"]), tuple(map(int, numbers))


def _parse_until(until: str) -> tuple[str | None, int | None]:
    match = _UNTIL.fullmatch(until.strip())
    if match is None:
        raise UsageError(
            f"got --until {until!r}; expected line, statement, function, or a number of tokens"
        )
    return match["rule"], int(match["count"]) if match["count"] else None


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a check failed, 2 a caller's mistake."""
    sys.exit(run())


def run() -> int:
    """Run the command line; returns the exit code."""
    return _guarded(app)


def _guarded(run: Callable[..., Any]) -> int:
    try:
        return run(standalone_mode=False) or 0
    except UsageError as error:
        _complain(str(error))
        return 2
    except _CommandLineError as error:
        _complain(error.format_message())  # type: ignore[attr-defined]
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return 130


def _complain(message: str) -> None:
    if message:
        _errors.print(f"[bold red]mgd:[/] {escape(' '.join(message.split()))}")
