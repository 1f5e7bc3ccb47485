"""rust-analyzer: Rust. Needs Cargo and the standard library's source.

Cargo and rustc are run even if the workspace is not trusted, to learn its packages; what is
switched off then is what they would run for it: build scripts, procedural macros, wrappers and
tool chains of the workspace's own.
"""

import atexit
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from lsp_bridge.profiles.profile import Incomplete, Profile, Readiness, Tree
from lsp_bridge.profiles.rules import rust_cfg, rust_macros, rust_trust
from lsp_bridge.servers.project import Project

_SOURCE = "lib/rustlib/src/rust/library"


def _settings(project: Project) -> Tree:
    return {
        "rust-analyzer": {
            "cachePriming": {"enable": False},
            "cargo": {
                "allTargets": True,
                "autoreload": True,
                "buildScripts": {"enable": project.trusted},
            },
            "checkOnSave": False,
            "completion": {
                "addSemicolonToUnit": False,
                "autoAwait": {"enable": False},
                "autoIter": {"enable": False},
                "autoimport": {"enable": False},
                "autoself": {"enable": False},
                "callable": {"snippets": "none"},
                "postfix": {"enable": False},
                "snippets": {"custom": {}},
            },
            "diagnostics": {"enable": False},
            "linkedProjects": _manifests(project),
            "notifications": {"cargoTomlNotFound": False},
            "procMacro": {"enable": project.trusted},
        }
    }


def _manifests(project: Project) -> list[str]:
    """Empty: it looks for itself."""
    return [] if project.trusted else list(map(str, rust_trust.manifests(project.root)))


def _environment(project: Project) -> dict[str, str]:
    # Without the network Cargo would try for half a minute.
    variables = {"CARGO_NET_OFFLINE": "true", **_library_source()}
    return variables if project.trusted else variables | rust_trust.environment(_toolchain())


def _library_source() -> dict[str, str]:
    """Where the standard library's source is; empty: rust-analyzer looks for itself."""
    if "RUST_SRC_PATH" in os.environ:
        return {}
    toolchains = _rustup_home() / "toolchains"
    folders = [toolchains / (_default_toolchain() or "stable"), *sorted(toolchains.glob("*"))]
    sources = [folder / _SOURCE for folder in (*folders, Path("/usr"))]
    found = next((source for source in sources if source.is_dir()), None)
    return {} if found is None else {"RUST_SRC_PATH": _without_manifest(found)}


@cache
def _without_manifest(source: Path) -> str:
    """A folder with links to what is in ``source``, but for its Cargo.toml.

    With that file, crates that the library is built on must be at hand, or rust-analyzer does not
    know of a single trait; without, it puts the library's own crates together, which is enough.
    """
    folder = tempfile.mkdtemp(prefix="mgd-rust-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        for each in source.iterdir():
            if each.is_dir():
                (Path(folder) / each.name).symlink_to(each, target_is_directory=True)
    except OSError:  # no right to make links
        return str(source)
    return folder


def _rustup_home() -> Path:
    return Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")


def _toolchain() -> str:
    """The user's own tool chain; one must be named, or rustup asks the workspace."""
    return os.environ.get("RUSTUP_TOOLCHAIN") or _default_toolchain() or "stable"


def _default_toolchain() -> str:
    """Name of the tool chain that the user, not the workspace, has chosen; empty: none."""
    try:
        text = (_rustup_home() / "settings.toml").read_text()
    except OSError:
        return ""
    match = re.search(r'^default_toolchain = "([^"]+)"', text, re.MULTILINE)
    return match[1] if match else ""


RUST_ANALYZER = Profile(
    name="rust-analyzer",
    languages=frozenset({"rust"}),
    command=("rust-analyzer",),
    install="rustup component add rust-analyzer rust-src",
    version_command=("rust-analyzer", "--version"),
    initialization_options=lambda project: _settings(project)["rust-analyzer"],
    settings=_settings,
    environment=_environment,
    runs_code=rust_trust.runs_code,
    experimental={"serverStatusNotification": True},
    readiness=Readiness.SERVER_STATUS,
    # The flag says that another prefix could list more, by importing.
    incomplete=Incomplete.COMPLETE,
    names=re.compile(r"(?:r#)?[^\W\d]\w*|\d+"),
    # A field that holds a function is listed as a call of it.
    wraps_receiver=True,
    dropped_kinds=frozenset({15}),
    open_type=rust_cfg.why_open,
    type_rule=rust_macros.why_open,
    # Any value may be a future for all it knows.
    unknown_lists=frozenset({frozenset({"await"})}),
    reads_signatures=True,
)
