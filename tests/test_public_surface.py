"""What can be imported, and what importing it costs."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("monitors", "lsp_bridge", "decoding", "evaluation", "mgd")
ROOT = Path(__file__).parents[1]


def exported(package: str) -> list[str]:
    """``__all__`` of a package, empty if it has none."""
    return list(getattr(importlib.import_module(package), "__all__", ()))


@pytest.mark.parametrize("package", PACKAGES)
def test_exported_names_are_sorted_and_importable(package: str) -> None:
    """As attributes and with ``from ... import *``."""
    names = exported(package)
    module = importlib.import_module(package)
    namespace: dict[str, object] = {}
    exec(f"from {package} import *", namespace)

    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert len(names) == len(set(names))
    for name in names:
        assert getattr(module, name) is namespace[name]


def public_imports(package: str) -> set[str]:
    """Names without an underscore that the package's ``__init__`` imports from this project."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module is not None
        and node.module.partition(".")[0] in PACKAGES
        for alias in node.names
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_that_a_package_imports_is_exported(package: str) -> None:
    """``__init__`` holds nothing but the public surface."""
    assert public_imports(package) == set(exported(package))


def test_exported_names_are_documented() -> None:
    """Every class and function of the front door has a docstring of its own."""
    module = importlib.import_module("mgd")

    for name in exported("mgd"):
        value = getattr(module, name)
        if callable(value):
            assert value.__doc__, name


def test_an_unknown_name_is_an_attribute_error() -> None:
    """Lazy imports answer like any module."""
    module = importlib.import_module("mgd")

    with pytest.raises(AttributeError, match="module 'mgd' has no attribute 'nonsense'"):
        _ = module.nonsense


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_ship_their_types(package: str) -> None:
    """Each has a ``py.typed``."""
    assert (ROOT / package / "py.typed").is_file()


HEAVY = ("torch", "transformers", "multilspy", "vllm", "outlines", "llama_cpp")


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("mgd", set()),
        ("mgd.cli", set()),
        ("decoding.session.session", set()),
        ("monitors.dereference", set()),
    ],
)
def test_importing_does_not_load_engines(module: str, allowed: set[str]) -> None:
    """Torch and Transformers take seconds: they are loaded by what needs them."""
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert set(done.stdout.split()) <= allowed


def test_monitors_import_nothing_of_ours_and_do_no_io() -> None:
    """The lowest layer is pure: no process, socket, file or event loop."""
    code = """
import sys, monitors.dereference, monitors.languages.python
print(*(name for name in ("asyncio", "subprocess", "socket", "numpy", "lsp_bridge", "decoding")
        if name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []
