"""Whether what a Python project needs is installed where its servers look. Nothing is run."""

import re
import sysconfig
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lsp_bridge.servers.project import Project

_COMMENT = re.compile(r"(?:\A|\s)#.*")


def why_unknown(project: Project) -> str:
    """Why modules may exist that no server can list; empty: everything is there.

    That is so if the project declares packages that are not installed, those of extras and groups
    included, or if it declares none and has no environment of its own.
    """
    try:
        declared = [*_declared(project.root)]
    except (OSError, ValueError, TypeError, AttributeError, InvalidRequirement) as error:
        return f"what the project needs cannot be read: {error}"
    if not (declared or project.site_packages):
        return "neither an environment nor declared packages"
    folders = project.site_packages or (sysconfig.get_path("purelib"),)
    installed = {name for folder in folders for name in _installed(Path(folder))}
    for each in declared:
        needed = each.marker is None or each.marker.evaluate({"extra": ""})
        if needed and canonicalize_name(each.name) not in installed:
            return f"{each.name} is not installed"
    return ""


def _declared(root: Path) -> Iterator[Requirement]:
    """What ``pyproject.toml`` and files of requirements name."""
    file = root / "pyproject.toml"
    if file.is_file():
        yield from _listed(tomllib.loads(file.read_text("utf-8")))
    for file in sorted(root.glob("requirements*.txt")):
        lines = (_COMMENT.sub("", line).strip() for line in file.read_text("utf-8").splitlines())
        yield from (Requirement(line) for line in lines if line and not line.startswith("-"))


def _listed(content: dict[str, Any]) -> Iterator[Requirement]:
    project = content.get("project", {})
    extras, groups = project.get("optional-dependencies", {}), content.get("dependency-groups", {})
    lists = [project.get("dependencies", ()), *extras.values(), *groups.values()]
    own = canonicalize_name(project.get("name", ""))
    found = [Requirement(each) for each in chain(*lists) if isinstance(each, str)]
    yield from (each for each in found if canonicalize_name(each.name) != own)


def _installed(folder: Path) -> Iterator[str]:
    """Packages in a folder of packages, by the folders that say so."""
    for pattern in ("*.dist-info", "*.egg-info"):
        for each in folder.glob(pattern):
            yield canonicalize_name(each.name.partition("-")[0])
