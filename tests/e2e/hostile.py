"""Workspaces that try to have code of theirs run as soon as a language server looks at them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lair:
    """A workspace under construction; ``marks`` shows what of it has run."""

    root: Path
    marks: Path

    def file(self, name: str, text: str = "") -> Path:
        """Write a file, and the folders above it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def mark(self, name: str) -> str:
        """The file whose presence shows that ``name`` has run, as a quoted text."""
        return json.dumps(str(self.marks / name))

    def program(self, name: str, command: str = "") -> str:
        """A program that leaves a mark, then runs ``command`` with its own arguments."""
        path = self.file(name, f"#!/bin/sh\ntouch {self.mark(Path(name).name)}\n")
        words = command.split()
        real = (shutil.which(words[0]) if words else None) or "/bin/true"
        then = '"$@"' if command == "$@" else " ".join([real, *words[1:], '"$@"'])
        path.write_text(path.read_text() + f"exec {then}\n")
        path.chmod(0o755)
        return str(path)

    def library(self, name: str) -> str:
        """A shared library that leaves a mark when it is loaded."""
        path = self.file(name)
        code = (
            "#include <stdio.h>\n"
            "__attribute__((constructor)) static void run(void)"
            f' {{ FILE *f = fopen({self.mark(path.name)}, "w"); if (f) fclose(f); }}\n'
        )
        command = ["gcc", "-shared", "-fPIC", "-x", "c", "-o", str(path), "-"]
        subprocess.run(command, input=code, text=True, check=True)
        return str(path)

    def repository(self) -> None:
        """Make it a Git repository whose settings name programs."""
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        for key in ("core.fsmonitor", "core.sshCommand", "core.pager"):
            command = ["git", "-C", str(self.root), "config", key, self.program("git-helper")]
            subprocess.run(command, check=True)

    def editor_settings(self, **settings: object) -> None:
        """What an editor would be told: keys with ``_`` for a dot."""
        named = {key.replace("_", "."): value for key, value in settings.items()}
        self.file(".vscode/settings.json", json.dumps(named))

    def ran(self) -> list[str]:
        """What has run."""
        return sorted(os.listdir(self.marks))


@dataclass(frozen=True)
class Trap:
    """One hostile workspace, and a question that makes a server look at it."""

    language: str
    build: Callable[[Lair], None]
    file: str
    text: str
    """Where the cursor is shown as ``|``."""
    answered: bool = True
    """Whether an untrusting server still knows the members."""

    @property
    def name(self) -> str:
        """For the test's name."""
        return self.build.__name__


# Python


def found_environments(lair: Lair) -> None:
    """Virtual environments where they are usually found."""
    for folder in (".venv", "venv"):
        _environment(lair, folder)


def named_interpreters(lair: Lair) -> None:
    """Configuration files that name an interpreter, or an environment."""
    _environment(lair, "env")
    interpreter = lair.program("python.sh", sys.executable)
    lair.file("pyrefly.toml", f'python-interpreter-path = "{interpreter}"\n')
    named = {"venvPath": ".", "venv": "env", "pythonPath": interpreter}
    lair.file("pyrightconfig.json", json.dumps(named))
    lair.file("ty.toml", '[environment]\npython = "./env"\n')
    lair.file(".jedi/project.json", json.dumps([1, {"environment_path": interpreter}]))
    lair.editor_settings(python_pythonPath=interpreter, python_defaultInterpreterPath=interpreter)


def _environment(lair: Lair, folder: str) -> None:
    for program in ("python", "python3"):
        lair.program(f"{folder}/bin/{program}", sys.executable)
    lair.file(f"{folder}/pyvenv.cfg", f"home = {lair.root}/{folder}/bin\nversion = 3.11.2\n")
    packages = f"{folder}/lib/python3.11/site-packages"
    lair.file(f"{packages}/start.pth", f"import os; open({lair.mark('pth')}, 'w')\n")
    lair.file(f"{packages}/sitecustomize.py", f"open({lair.mark('sitecustomize')}, 'w')\n")


def named_in_pyproject(lair: Lair) -> None:
    """The same by ``pyproject.toml``, with tools that would find an environment."""
    interpreter = lair.program("python.sh", sys.executable)
    for tool in ("conda", "uv", "poetry", "python", "python3"):
        lair.program(tool)
    lines = [
        "[tool.pyrefly]",
        f'python-interpreter-path = "{interpreter}"',
        'conda-environment = "env"',
        *("[tool.pyright]", f'pythonPath = "{interpreter}"', 'venvPath = "."', 'venv = "env"'),
        *("[tool.basedpyright]", f'pythonPath = "{interpreter}"'),
        *("[tool.ty.environment]", f'python = "{interpreter}"'),
    ]
    lair.file("pyproject.toml", "\n".join(lines))


def shadowing_modules(lair: Lair) -> None:
    """Modules called like standard ones, plug-ins of other tools, extension modules."""
    names = "os re json site platform pathlib sysconfig sitecustomize usercustomize gi jedi parso"
    for name in (*names.split(), "plugin", "conftest", "setup"):
        lair.file(f"{name}.py", f"open({lair.mark(name)}, 'w')\n")
    lair.file("mypy.ini", "[mypy]\nplugins = ./plugin.py\n")
    lair.library("textwrapped.abi3.so")


_PYTHON = ("main.py", "import gi, textwrapped, textwrap\ntextwrap.|\n")


# TypeScript


def own_compiler(lair: Lair) -> None:
    """A TypeScript of the workspace's own, in each place where servers look for one."""
    lair.file("package.json", '{"name": "app", "dependencies": {"lodash": "1"}}')
    lair.file("tsconfig.json", '{"compilerOptions": {"strict": true}}')
    places = ("node_modules", ".yarn/sdks", ".vscode/pnpify", "sdk")
    for folder in (f"{place}/typescript" for place in places):
        lair.file(f"{folder}/package.json", '{"name": "typescript", "version": "5.9.2"}')
        for script in ("tsserver", "_tsserver", "typescript", "tsc", "typingsInstaller"):
            lair.file(f"{folder}/lib/{script}.js", _touching(lair, script))
    lair.file(".pnp.cjs", _touching(lair, "pnp"))
    lair.editor_settings(typescript_tsdk="sdk/typescript/lib", vtsls_autoUseWorkspaceTsdk=True)


def compiler_plugins(lair: Lair) -> None:
    """Plug-ins of the compiler, and of npm."""
    plugin = "module.exports = () => ({ create: (info) => info.languageService });\n"
    for folder in ("node_modules/evil", "local"):
        lair.file(f"{folder}/package.json", '{"name": "evil", "main": "index.js"}')
        lair.file(f"{folder}/index.js", _touching(lair, "plugin") + plugin)
    names = ("evil", "./local", "../workspace/local", str(lair.root / "local"))
    plugins = [{"name": name} for name in names]
    options = {"compilerOptions": {"strict": True, "plugins": plugins}}
    lair.file("tsconfig.json", json.dumps(options))
    lair.file(".npmrc", f"script-shell={lair.program('shell.sh', 'sh')}\n")
    for tool in ("node", "npm", "node_modules/.bin/node"):
        lair.program(tool)


def _touching(lair: Lair, name: str) -> str:
    return f'require("fs").writeFileSync({lair.mark(name)}, "");\n'


_TYPESCRIPT = ("src/app.ts", "class Order { total = 1; }\nnew Order().|\n")


# C++


def hostile_compiler(lair: Lair) -> None:
    """A database of commands whose compiler is the workspace's own, with plug-ins."""
    library = lair.library("plugin.so")
    command = [lair.program("arm-none-eabi-g++", "g++"), *_plugin_flags(library), "-c", "main.cpp"]
    entry = {"directory": str(lair.root), "file": "main.cpp", "arguments": command}
    lair.file("compile_commands.json", json.dumps([entry]))
    lair.editor_settings(clangd_arguments=["--query-driver=**"])


def clangd_file(lair: Lair) -> None:
    """The same by clangd's own file, which also names a remote index."""
    flags = ", ".join(_plugin_flags(lair.library("plugin.so")))
    compiler = lair.program("compiler", "g++")
    lair.file(
        ".clangd",
        f"CompileFlags:\n  Compiler: {compiler}\n  Add: [{flags}]\n"
        "  BuiltinHeaders: QueryDriver\n"
        "Index:\n  External:\n    Server: 127.0.0.1:9\n    MountPoint: .\n",
    )
    lair.file("compile_flags.txt", "\n".join(_plugin_flags(str(lair.root / "plugin.so"))))
    for tool in ("clang", "gcc", "clang-tidy", "clang-format"):
        lair.program(tool)


def _plugin_flags(library: str) -> list[str]:
    load = ["-Xclang", "-load", "-Xclang", library, "-Xclang", "-add-plugin", "-Xclang", "evil"]
    return [f"-fplugin={library}", f"-fpass-plugin={library}", *load]


_CPP = ("main.cpp", "struct Order { int total; };\nint main() { Order order; order.| }\n")


# Rust


def build_code(lair: Lair) -> None:
    """A build script and a procedural macro: what every trusted workspace may run."""
    _crate(lair, 'build = "build.rs"\n[dependencies]\nevil = { path = "evil" }\n')
    lair.file("build.rs", f"fn main() {{ std::fs::File::create({lair.mark('build')}).unwrap(); }}")
    manifest = '[package]\nname = "evil"\nversion = "0.1.0"\n[lib]\nproc-macro = true\n'
    lair.file("evil/Cargo.toml", manifest)
    lair.file(
        "evil/src/lib.rs",
        "extern crate proc_macro;\n#[proc_macro]\n"
        "pub fn evil(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n"
        f"    std::fs::File::create({lair.mark('macro')}).unwrap();\n"
        "    Default::default()\n}\n",
    )


def cargo_programs(lair: Lair) -> None:
    """Cargo's configuration names a compiler, wrappers, a linker, a runner and a back-end."""
    _crate(lair)
    wrapper = lair.program("wrapper.sh", "$@")
    lines = [
        "[build]",
        f'rustc = "{lair.program("rustc.sh", "rustc")}"',
        f'rustc-wrapper = "{wrapper}"',
        f'rustc-workspace-wrapper = "{wrapper}"',
        f'rustflags = ["-Zcodegen-backend={lair.library("backend.so")}"]',
        "[target.x86_64-unknown-linux-gnu]",
        f'linker = "{lair.program("linker.sh", "cc")}"',
        f'runner = "{wrapper}"',
        "[registry]",
        f'global-credential-providers = ["{lair.program("credentials.sh")}"]',
    ]
    lair.file(".cargo/config.toml", "\n".join(lines))


def own_toolchain(lair: Lair) -> None:
    """rustup's file names a tool chain in the workspace."""
    _crate(lair)
    for tool in ("cargo", "rustc", "rustfmt"):
        lair.program(f"chain/bin/{tool}", tool)
    lair.file("chain/lib/empty")
    lair.file("rust-toolchain.toml", f'[toolchain]\npath = "{lair.root}/chain"\n')


def analyzer_files(lair: Lair) -> None:
    """rust-analyzer's own files name a system root, commands and variables."""
    _crate(lair)
    _description(lair, "rust-project.json")
    _description(lair, ".rust-project.json")
    command = lair.program("command.sh")
    library = lair.library("preloaded.so")
    lines = [
        "[cargo]",
        'sysroot = "system"',
        f'extraEnv = {{ LD_PRELOAD = "{library}" }}',
        f"metadataExtraArgs = ['--config', 'build.rustc=\"{command}\"']",
        "[cargo.buildScripts]",
        "enable = true",
        f'overrideCommand = ["{command}"]',
        "[check]",
        f'overrideCommand = ["{command}"]',
    ]
    lair.file("rust-analyzer.toml", "\n".join(lines))


def cargo_variables(lair: Lair) -> None:
    """Cargo's configuration sets variables for the compiler."""
    _crate(lair)
    lair.file(".cargo/config.toml", _variables(lair))


def cargo_include(lair: Lair) -> None:
    """The same in another file."""
    _crate(lair)
    lair.file(".cargo/more.toml", _variables(lair))
    lair.file(".cargo/config.toml", 'include = ["more.toml"]\n')


def nested_cargo_variables(lair: Lair) -> None:
    """The same for a Cargo workspace below."""
    _crate(lair, 'workspace = "below"\n')
    lair.file("below/Cargo.toml", '[workspace]\nmembers = [".."]\n')
    lair.file("below/.cargo/config", _variables(lair))


def no_cargo(lair: Lair) -> None:
    """Nothing but a description that names a system root."""
    _description(lair, "rust-project.json")


def _crate(lair: Lair, more: str = "") -> None:
    lair.file("Cargo.toml", f'[package]\nname = "app"\nversion = "0.1.0"\n{more}')


def _variables(lair: Lair) -> str:
    library = lair.library("preloaded.so")
    return f'[env]\nLD_PRELOAD = {{ value = "{library}", force = true }}\n'


def _description(lair: Lair, name: str) -> None:
    for tool in ("bin/cargo", "bin/rustc", "libexec/rust-analyzer-proc-macro-srv"):
        lair.program(f"system/{tool}")
    lair.file("system/lib/rustlib/src/rust/library/core/src/lib.rs")
    lair.file("macro.rs")
    app = {"root_module": "src/main.rs", "edition": "2021", "deps": [{"crate": 1, "name": "evil"}]}
    evil = {"root_module": "macro.rs", "edition": "2021", "deps": [], "is_proc_macro": True}
    evil["proc_macro_dylib_path"] = lair.library("macro.so")
    description = {"sysroot": str(lair.root / "system"), "crates": [app, evil]}
    lair.file(name, json.dumps(description))


_RUST_MACRO = (
    "src/main.rs",
    "evil::evil!();\nstruct Order { total: i32 }\nfn main() { Order { total: 1 }.| }\n",
)
_RUST = ("src/main.rs", "struct Order { total: i32 }\nfn main() { Order { total: 1 }.| }\n")


# Go


def go_programs(lair: Lair) -> None:
    """cgo, generators, and every file that could name a tool."""
    lair.file("go.mod", "module app\n\ngo 1.19\n")
    tool = lair.program("tool.sh", "$@")
    for name in ("go.env", ".env", ".config/go/env"):
        lair.file(name, f"GOFLAGS=-toolexec={tool}\nCC={tool}\nGOPACKAGESDRIVER={tool}\n")
    for name in ("go", "gcc", "cc", "git", "pkg-config", "gopackagesdriver"):
        lair.program(name)
    flags = f"#cgo CFLAGS: -fplugin={lair.library('plugin.so')}\n// #cgo pkg-config: evil"
    lair.file("native.go", f'package main\n\n//go:generate {tool}\n// {flags}\nimport "C"\n')
    lair.editor_settings(
        go_alternateTools={"go": tool}, gopls={"buildFlags": [f"-toolexec={tool}"]}
    )


def go_toolchain(lair: Lair) -> None:
    """A tool chain to fetch or to find, and a workspace file."""
    lair.file("go.mod", "module app\n\ngo 1.99\n\ntoolchain go1.99-evil\n")
    lair.file("go.work", "go 1.99\n\ntoolchain go1.99-evil\n\nuse .\n")
    lair.program("go1.99-evil")


_GO = ("main.go", "package main\n\ntype Order struct{ Total int }\n\nfunc main() { Order{}.| }\n")


# PHP


def composer(lair: Lair) -> None:
    """Scripts and files that Composer would run, and programs beside the code."""
    run = f"<?php touch({lair.mark('php-code')});\n"
    for name in ("boot.php", "vendor/autoload.php", ".php_cs"):
        lair.file(name, run)
    script = f"touch {lair.mark('script')}"
    content = {"autoload": {"files": ["boot.php"]}, "scripts": {"post-autoload-dump": script}}
    lair.file("composer.json", json.dumps(content))
    for tool in ("php", "composer", "node", "vendor/bin/php"):
        lair.program(tool)
    lair.editor_settings(php_executablePath="./php", intelephense_runtime="./node")


_PHP = (
    "main.php",
    "<?php\nclass Order { public int $total = 1; }\n$order = new Order();\n$order->|",
)


TRAPS = [
    *(
        Trap("python", build, *_PYTHON)
        for build in (found_environments, named_interpreters, named_in_pyproject, shadowing_modules)
    ),
    *(Trap("typescript", build, *_TYPESCRIPT) for build in (own_compiler, compiler_plugins)),
    *(Trap("cpp", build, *_CPP) for build in (hostile_compiler, clangd_file)),
    Trap("rust", build_code, *_RUST_MACRO),
    *(Trap("rust", build, *_RUST) for build in (cargo_programs, own_toolchain, analyzer_files)),
    Trap("go", go_programs, *_GO),
    Trap("go", go_toolchain, *_GO, answered=False),
    Trap("php", composer, *_PHP),
]
"""Workspaces in which nothing may run."""

REFUSED = [
    Trap("rust", build, *_RUST, answered=False)
    for build in (cargo_variables, cargo_include, nested_cargo_variables, no_cargo)
]
"""Workspaces for which a server is not even started, because nothing would hold it back."""

TRUSTED = {
    "rust-analyzer": ("build_code", {"build", "macro"}),
    "typescript-language-server": ("own_compiler", {"tsserver"}),
}
"""What runs once the workspace is trusted: server to workspace and marks."""

BITING = [
    ("pyrefly", "found_environments"),
    ("pyrefly", "named_interpreters"),
    ("pyrefly", "named_in_pyproject"),
    ("basedpyright", "found_environments"),
    ("typescript-language-server", "own_compiler"),
    ("rust-analyzer", "build_code"),
    ("rust-analyzer", "cargo_programs"),
]
"""Workspaces whose code runs in a server that is told nothing."""
