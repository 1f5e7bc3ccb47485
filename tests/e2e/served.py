"""A live server on a small workspace, asked with marks in the text."""

import time
from collections.abc import Collection
from pathlib import Path

from lsp_bridge import ServerPool
from monitors.protocols import Answer, Document, Facts, Query, QueryKind, Unavailable

MARK = "‸"
DEADLINE_S = 40.0
LANGUAGES = {
    ".js": "javascript",
    ".jsx": "javascriptreact",
    ".php": "php",
    ".py": "python",
    ".ts": "typescript",
    ".tsx": "typescriptreact",
}


class Served:
    """A server of a pool. Names of ``everywhere`` are left out, since every value has them."""

    def __init__(
        self, pool: ServerPool, root: Path, server: str, everywhere: Collection[str] = ()
    ) -> None:
        self.pool = pool
        self.root = root
        self._server = server
        self._everywhere = frozenset(everywhere)

    def answer(self, file: str, text: str) -> Answer:
        """The answer at the mark in a file's text."""
        prefix, _, suffix = text.partition(MARK)
        document = Document(LANGUAGES[Path(file).suffix], str(self.root / file), prefix, suffix)
        handle = self.pool.ask(Query(QueryKind.MEMBERS, document), server=self._server)
        return self.pool.wait(handle, DEADLINE_S)

    def names(self, file: str, text: str) -> set[str]:
        """The names at the mark; the answer must be a list."""
        answer = self.answer(file, text)
        assert isinstance(answer, Facts), answer
        return {name.text for name in answer.names} - self._everywhere

    def names_again(self, file: str, text: str) -> set[str]:
        """The names at the mark once the server, which was killed, has come back."""
        end_s = time.monotonic() + DEADLINE_S
        while isinstance(self.answer(file, text), Unavailable) and time.monotonic() < end_s:
            time.sleep(0.1)
        return self.names(file, text)

    def files(self) -> set[str]:
        """What the workspace holds."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix() for path in found}


def write(root: Path, files: dict[str, str]) -> None:
    """Put files into a workspace."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
