"""Workspaces that try to have code of theirs run as soon as a language server looks at them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lair:
    """A workspace under construction, and the folder that shows what of it has run."""

    root: Path
    marks: Path

    def write(self, **files: str) -> None:
        """Write files; their names are given as ``src__main.rs`` for ``src/main.rs``."""
        for name, text in files.items():
            self.file(name.replace("__", "/"), text)

    def file(self, name: str, text: str) -> Path:
        """Write one file, and the folders above it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def program(self, name: str, instead_of: str = "true") -> Path:
        """A program that leaves a mark, then does what another one does."""
        real = shutil.which(instead_of) or "/bin/true"
        mark = self.mark(Path(name).name)
        path = self.file(name, f'#!/bin/sh\ntouch "{mark}"\nexec "{real}" "$@"\n')
        path.chmod(0o755)
        return path

    def library(self, name: str) -> Path:
        """A shared library that leaves a mark when it is loaded. Needs gcc."""
        mark = json.dumps(str(self.mark(Path(name).name)))
        code = (
            "#include <stdio.h>\n"
            "__attribute__((constructor)) static void run(void)"
            f' {{ FILE *f = fopen({mark}, "w"); if (f) fclose(f); }}\n'
        )
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        command = ["gcc", "-shared", "-fPIC", "-x", "c", "-o", str(path), "-"]
        subprocess.run(command, input=code, text=True, check=True)
        return path

    def mark(self, name: str) -> Path:
        """The file whose presence shows that ``name`` has run."""
        self.marks.mkdir(exist_ok=True)
        return self.marks / name

    def ran(self) -> list[str]:
        """What has run."""
        return sorted(os.listdir(self.marks)) if self.marks.is_dir() else []
