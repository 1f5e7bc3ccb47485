"""Real projects in every language to measure on, pinned, each one a workspace of its own.

Sources come from npm and Debian through `npm pack`, `apt-get download` and `apt-get source`, and
so need a Debian with those three; Python's are in `benchmarks.packages`. A workspace gets what a
language server needs to see its types: dependencies, and ``tsconfig.json``,
``compile_commands.json``, ``Cargo.toml`` or ``go.mod`` where the release has none. Nothing that is
fetched is run.

Removed is what no build on this machine compiles, so that no server can know its types: tests,
since what they need is not there (also Rust's ``#[cfg(test)]`` modules inside of files); files for
other systems (redis' event loops, leveldb's ``*windows*``, Go's ``_windows.go`` and ``+build``);
fmt's module, which needs C++20 modules; cobra's ``doc``, which needs modules that are not there;
modules of crates behind features that Debian's release lacks (globset's serde1), that need a
nightly compiler (regex' pattern) or a build script (serde_json's float_roundtrip). Branches of
``#if`` and ``#[cfg]`` for other systems within files stay, and count as not answered.

``python -m benchmarks.corpora FOLDER [LANGUAGE]...`` fetches them and prints what to measure on.
"""

import argparse
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitors.errors import UsageError

_DONE = ".complete"
_MIRROR = "deb-src http://deb.debian.org/debian bookworm main\n"
_TESTS = ("test", "tests", "__tests__", "fuzzing", "benchmarks", "testdata")
_TEST_FILES = ("*_test.*", "*_bench.*", "*.test.*", "testutil.*", "test_*.cc", "tests.rs")
_TEST_MODULE = re.compile(
    r"^#\[cfg\((?:test|all\(test\b.*)\)\]\n(?:#\[.*\]\n)*mod \w+ \{\n(?:(?!\}$).*\n)*\}\n", re.M
)
"""As rustfmt lays it out."""
_UNITS = frozenset({".c", ".cc", ".cpp"})


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A project: where it comes from, what is added to it, and what of it is measured."""

    language: str
    name: str
    npm: str = ""
    """Package and version; its files lie at the root, its dependencies beside them."""
    types: tuple[str, ...] = ()
    """Packages and versions that declare the types of what an npm package needs to run."""
    source: str = ""
    """Debian source package and version; its files lie at the root."""
    debian: tuple[str, ...] = ()
    """Debian packages and versions, unpacked at the root."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Added files: path to text."""
    compiler: tuple[str, ...] = ()
    """Compiler and options for ``compile_commands.json``; options name paths from the root."""
    left_out: tuple[str, ...] = ()
    """Patterns of what is no part of a build on this machine, from the root."""
    workspace: str = ""
    """Folder for language servers, from the root."""
    measured: tuple[str, ...] = ("",)
    """Folders or files, from the workspace."""

    @property
    def version(self) -> str:
        """Of the release that is measured."""
        return re.split("[@=]", self.npm or self.source or self.debian[0])[-1]

    def paths(self, root: Path) -> list[Path]:
        """What to measure on, of the project unpacked at ``root``."""
        return [root / self.workspace / each for each in self.measured]


def _typescript(**changes: object) -> dict[str, str]:
    options = {
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
        **changes,
    }
    return {"tsconfig.json": json.dumps({"compilerOptions": options, "include": ["src"]})}


def _javascript(*include: str) -> dict[str, str]:
    options = {"target": "es2022", "module": "nodenext", "moduleResolution": "nodenext"}
    config = {"compilerOptions": options | {"maxNodeModuleJsDepth": 1}, "include": include}
    return {"jsconfig.json": json.dumps(config)}


def _go(module: str, needs: Mapping[str, str] | None = None) -> dict[str, str]:
    """``go.mod`` of a module whose ``needs`` (modules to folders) lie beside it."""
    lines = [f"module {module}", "", "go 1.19", ""]
    for name, folder in (needs or {}).items():
        lines += [f"require {name} v1.0.0", f"replace {name} => {folder}"]
    return {f"{_GO}/{module}/go.mod": "\n".join(lines) + "\n"}


def _rust(*crates: str) -> dict[str, str]:
    """A package that needs ``crates``, which are no members: what their tests need is missing."""
    needs = {name: f"{_CRATES}/{name}-{version}" for name, version in map(_release, crates)}
    manifest = ["[package]", 'name = "corpus"', 'version = "0.0.0"', 'edition = "2021"', "[lib]"]
    manifest += ['path = "lib.rs"', "[workspace]", 'exclude = ["usr"]', "[dependencies]"]
    for name, folder in needs.items():
        features = json.dumps(_FEATURES.get(name, []))
        manifest.append(f'{name} = {{ path = "{folder}", features = {features} }}')
    config = ["[source.crates-io]", 'replace-with = "unpacked"', "[source.unpacked]"]
    config += [f'directory = "{_CRATES}"', "[net]", "offline = true"]
    return {
        "Cargo.toml": "\n".join(manifest) + "\n",
        ".cargo/config.toml": "\n".join(config) + "\n",
        "lib.rs": "",
    }


def _release(text: str) -> tuple[str, str]:
    name, _, version = text.rpartition("@")
    return name, version


_GO = "usr/share/gocode/src"
_CRATES = "usr/share/cargo/registry"
_FEATURES = {"serde_json": ["arbitrary_precision", "raw_value", "unbounded_depth"]}
"""Beyond the default ones, so that little of the code is switched off."""
_NODE = "@types/node@24.0.0"

CORPORA = (
    Corpus(
        language="typescript",
        name="zod",
        npm="zod@4.1.12",
        types=(_NODE,),
        files=_typescript(),
        measured=("src/v4/core", "src/v4/classic", "src/v3"),
    ),
    Corpus(
        language="typescript",
        name="rxjs",
        npm="rxjs@7.8.2",
        types=(_NODE,),
        files=_typescript(lib=["es2022", "dom", "esnext.disposable"]),
        measured=("src/internal",),
    ),
    Corpus(
        language="typescript",
        name="reduxjs-toolkit",
        npm="@reduxjs/toolkit@2.9.0",
        types=(_NODE, "@types/react@19.1.0", "react@19.1.0", "react-redux@9.2.0"),
        files=_typescript(jsx="react-jsx"),
        measured=("src",),
    ),
    Corpus(
        language="typescript",
        name="react-query",
        npm="@tanstack/react-query@5.90.2",
        types=(_NODE, "@types/react@19.1.0", "react@19.1.0"),
        files=_typescript(jsx="react-jsx"),
        measured=("src",),
    ),
    Corpus(
        language="javascript",
        name="express",
        npm="express@5.1.0",
        types=(_NODE,),
        files=_javascript("lib"),
        measured=("lib",),
    ),
    Corpus(
        language="javascript",
        name="commander",
        npm="commander@14.0.1",
        types=(_NODE,),
        files=_javascript("lib"),
        measured=("lib",),
    ),
    Corpus(
        language="javascript",
        name="eslint",
        npm="eslint@9.36.0",
        types=(_NODE, "@types/estree@1.0.8"),
        files=_javascript("lib"),
        measured=("lib",),
    ),
    Corpus(
        language="c",
        name="redis",
        source="redis=5:7.0.15-1~deb12u7",
        compiler=(
            *("cc", "-std=c11", "-Ideps/hiredis", "-Ideps/linenoise"),
            *("-Ideps/lua/src", "-Ideps/hdr_histogram"),
        ),
        left_out=("src/ae_[ks]*.c", "src/ae_evport.c"),  # for other systems
        measured=("src",),
    ),
    Corpus(
        language="c",
        name="lua",
        source="lua5.4=5.4.4-3+deb12u1",
        compiler=("cc", "-std=gnu99", "-DLUA_COMPAT_5_3", "-DLUA_USE_LINUX", "-Isrc"),
        measured=("src",),
    ),
    Corpus(
        language="cpp",
        name="re2",
        source="re2=20220601+dfsg-1",
        compiler=("c++", "-std=c++17", "-I."),
        measured=("re2", "util"),
    ),
    Corpus(
        language="cpp",
        name="leveldb",
        source="leveldb=1.23-4",
        compiler=("c++", "-std=c++17", "-I.", "-Iinclude", "-DLEVELDB_PLATFORM_POSIX=1"),
        left_out=("util/*windows*",),
        measured=("db", "include", "table", "util"),
    ),
    Corpus(
        language="cpp",
        name="pugixml",
        source="pugixml=1.13-0.2",
        compiler=("c++", "-std=c++17", "-Isrc"),
        measured=("src",),
    ),
    Corpus(
        language="cpp",
        name="fmt",
        source="fmtlib=9.1.0+ds1-2",
        compiler=("c++", "-std=c++17", "-Iinclude"),
        left_out=("src/fmt.cc",),  # a C++20 module
        measured=("include", "src"),
    ),
    Corpus(  # its members are defined outside of their classes
        language="cpp",
        name="tinyxml2",
        source="tinyxml2=9.0.0+dfsg-3.1",
        compiler=("c++", "-std=c++17", "-I."),
        measured=("tinyxml2.cpp", "tinyxml2.h"),
    ),
    Corpus(  # so are those of this one, in nested classes and namespaces
        language="cpp",
        name="jsoncpp",
        source="libjsoncpp=1.9.5-4",
        compiler=("c++", "-std=c++17", "-Iinclude"),
        measured=("include", "src/lib_json"),
    ),
    Corpus(  # comments in chains
        language="rust",
        name="clap",
        debian=(
            *("librust-clap-dev=4.0.32-1", "librust-clap-lex-dev", "librust-os-str-bytes-dev"),
            *("librust-bitflags-dev", "librust-strsim-dev", "librust-termcolor-dev"),
            *("librust-atty-dev", "librust-libc-dev"),
            *("librust-winapi-util-dev", "librust-winapi-dev"),
            *("librust-winapi-i686-pc-windows-gnu-dev", "librust-winapi-x86-64-pc-windows-gnu-dev"),
        ),
        files=_rust("clap@4.0.32"),
        left_out=(f"{_CRATES}/clap-4.0.32/examples",),
        measured=(f"{_CRATES}/clap-4.0.32/src",),
    ),
    Corpus(
        language="rust",
        name="crates",
        debian=(
            *("librust-regex-dev=1.7.1-1", "librust-serde-json-dev=1.0.87-1"),
            *("librust-ignore-dev=0.4.18-2+b1", "librust-globset-dev=0.4.9-1"),
            *("librust-aho-corasick-dev=0.7.19-1", "librust-memchr-dev"),
            *("librust-regex-syntax-dev=0.6.27-1", "librust-walkdir-dev=2.3.2-1"),
            *("librust-itoa-dev", "librust-ryu-dev", "librust-serde-dev", "librust-fnv-dev"),
            *("librust-bstr-dev", "librust-log-dev"),
            *("librust-lazy-static-dev", "librust-same-file-dev", "librust-thread-local-dev"),
            *("librust-crossbeam-utils-dev", "librust-cfg-if-dev"),
            *("librust-once-cell-dev", "librust-winapi-util-dev", "librust-winapi-dev"),
            *("librust-winapi-i686-pc-windows-gnu-dev", "librust-winapi-x86-64-pc-windows-gnu-dev"),
        ),
        files=_rust("regex@1.7.1", "serde_json@1.0.87", "ignore@0.4.18", "globset@0.4.9"),
        left_out=(
            f"{_CRATES}/regex-1.7.1/src/pattern.rs",  # needs a nightly compiler
            f"{_CRATES}/serde_json-1.0.87/src/lexical",  # needs a build script
            f"{_CRATES}/globset-0.4.9/src/serde_impl.rs",  # Debian's release lacks the feature
        ),
        measured=tuple(
            f"{_CRATES}/{crate}/src"
            for crate in (
                *("regex-1.7.1", "serde_json-1.0.87", "ignore-0.4.18", "globset-0.4.9"),
                *("regex-syntax-0.6.27", "aho-corasick-0.7.19", "walkdir-2.3.2"),
            )
        ),
    ),
    Corpus(
        language="go",
        name="cobra",
        debian=("golang-github-spf13-cobra-dev=1.6.1-1", "golang-github-spf13-pflag-dev"),
        left_out=(
            f"{_GO}/github.com/spf13/cobra/doc",  # needs more modules
            f"{_GO}/github.com/spf13/cobra/command_win.go",
        ),
        files=_go("github.com/spf13/cobra", {"github.com/spf13/pflag": "../pflag"}),
        workspace=f"{_GO}/github.com/spf13/cobra",
    ),
    Corpus(
        language="go",
        name="logrus",
        debian=("golang-github-sirupsen-logrus-dev=1.9.0-1", "golang-golang-x-sys-dev"),
        left_out=(
            f"{_GO}/github.com/sirupsen/logrus/ci",  # a build tool's script
            *(
                f"{_GO}/github.com/sirupsen/logrus/terminal_check_{each}.go"
                for each in ("appengine", "bsd", "js", "no_terminal", "solaris", "windows")
            ),
        ),
        files=_go("github.com/sirupsen/logrus", {"golang.org/x/sys": "../../../golang.org/x/sys"}),
        workspace=f"{_GO}/github.com/sirupsen/logrus",
    ),
    Corpus(
        language="go",
        name="toml",
        debian=("golang-github-burntsushi-toml-dev=1.2.0-2",),
        files=_go("github.com/BurntSushi/toml"),
        workspace=f"{_GO}/github.com/BurntSushi/toml",
    ),
    Corpus(
        language="php",
        name="monolog",
        debian=("php-monolog=2.9.1-1", "php-psr-log"),
        workspace="usr/share/php",
        measured=("Monolog",),
    ),
    Corpus(
        language="php",
        name="symfony-console",
        debian=(
            *("php-symfony-console=5.4.53+dfsg-0+deb12u1", "php-symfony-string", "php-psr-log"),
            *("php-symfony-service-contracts", "php-symfony-deprecation-contracts"),
            *("php-psr-container", "php-symfony-event-dispatcher-contracts"),
        ),
        workspace="usr/share/php",
        measured=("Symfony/Component/Console",),
    ),
    Corpus(
        language="ruby",
        name="sinatra",
        debian=("ruby-sinatra=3.0.5-3+deb12u1", "ruby-rack", "ruby-mustermann"),
        workspace="usr/share/rubygems-integration/all/gems",
    ),
)
"""Projects with and without types in their sources, of several authors in every language."""


def prepare(corpus: Corpus, folder: Path) -> Path:
    """The root of ``corpus`` in ``folder``, fetched unless an earlier run did the same.

    Raises `UsageError` with the message of npm, apt-get or cargo if one fails.
    """
    root = folder / corpus.language / corpus.name
    mark = root / _DONE
    if not mark.is_file() or mark.read_text() != repr(corpus):
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        _fetch(corpus, root)
        mark.write_text(repr(corpus))
    return root


def _fetch(corpus: Corpus, root: Path) -> None:
    if corpus.npm:
        _unpack_npm(corpus.npm, root)
    if corpus.source:
        _unpack_source(corpus.source, root)
    for package in corpus.debian:
        _unpack_debian(package, root)
    _leave_out([*corpus.left_out, *(f"**/{name}" for name in (*_TESTS, *_TEST_FILES))], root)
    for module in root.glob(f"{_CRATES}/*/src/**/*.rs"):
        module.write_text(without_tests(module.read_text()))
    for path, text in corpus.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    if corpus.npm:
        _forget_development(root / "package.json")
        _run("npm", "install", "--ignore-scripts", "--no-save", *corpus.types, folder=root)
    if corpus.compiler:
        commands = json.dumps(list(_commands(corpus, root)), indent=1)
        (root / "compile_commands.json").write_text(commands)
    if "Cargo.toml" in corpus.files:
        _run("cargo", "generate-lockfile", "--offline", folder=root)


def without_tests(text: str) -> str:
    """A Rust module without the modules that are compiled for its tests alone."""
    return _TEST_MODULE.sub("", text)


def _unpack_npm(package: str, root: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _run("npm", "pack", package, folder=Path(folder))
        _extract(next(Path(folder).glob("*.tgz")), root)


def _leave_out(patterns: Iterable[str], root: Path) -> None:
    """Tests too: what they need is not there."""
    for path in [path for pattern in patterns for path in root.glob(pattern)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _forget_development(manifest: Path) -> None:
    """Without the tools of the authors, some of which are not published."""
    content = json.loads(manifest.read_text("utf-8"))
    content.pop("devDependencies", None)
    manifest.write_text(json.dumps(content, indent=2), "utf-8")


def _unpack_source(package: str, root: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = _source_lists(folder)
        _run("apt-get", *options, "update", folder=folder)
        _run("apt-get", *options, "source", "--tar-only", package, folder=folder)
        _extract(next(folder.glob("*.orig.tar.*")), root)


def _source_lists(folder: Path) -> tuple[str, ...]:
    """Options that make apt-get look for sources without a change to the machine's lists."""
    (folder / "sources.list").write_text(_MIRROR)
    (folder / "lists" / "partial").mkdir(parents=True)
    entries = {
        "Etc::SourceList": "sources.list",
        "Etc::SourceParts": "none",
        "State::Lists": "lists",
    }
    return tuple(f"-oDir::{key}={folder / name}" for key, name in entries.items())


def _unpack_debian(package: str, root: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run("apt-get", "download", package, folder=folder)
        _run("dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(root), folder=folder)


def _extract(archive: Path, root: Path) -> None:
    """Unpack without the archive's outermost folder."""
    with tarfile.open(archive) as tar:
        tar.extractall(root, members=_inner(tar), filter="data")


def _inner(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in tar:
        _, _, rest = member.name.partition("/")
        if rest:
            yield member.replace(name=rest)


def _commands(corpus: Corpus, root: Path) -> Iterator[Mapping[str, object]]:
    units = (path for path in sorted(root.rglob("*")) if path.suffix in _UNITS)
    for path in units:
        arguments = [*corpus.compiler, "-c", str(path)]
        yield {"directory": str(root), "file": str(path), "arguments": arguments}


def _run(*command: str, folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise UsageError(f"{command[0]} is missing; it fetches the projects to measure on")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")


def main(arguments: list[str] | None = None) -> None:
    """Fetch, and print each project's language, workspace and what to measure on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpora")
    parser.add_argument("folder", type=Path)
    parser.add_argument("language", nargs="*", help="default: all")
    options = parser.parse_args(arguments)
    for corpus in CORPORA:
        if not options.language or corpus.language in options.language:
            root = prepare(corpus, options.folder.resolve())
            print(corpus.language, root / corpus.workspace, *corpus.paths(root), sep="\t")


if __name__ == "__main__":
    main()
