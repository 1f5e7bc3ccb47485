"""A live server on a small workspace, asked with marks in the text."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from decoding.wiring import DEFAULT_MONITORS, monitor_for
from lsp_bridge import ServerPool
from lsp_bridge.servers.transport import kill_tree
from monitors.protocols import Answer, Document, Members, Query, QueryKind, Reason, Unavailable
from tests.fakes import descendants, gone
from tests.servers import require

MARK = "‸"
DEADLINE_S = 60.0
LANGUAGES = {
    ".c": "c",
    ".cpp": "cpp",
    ".go": "go",
    ".js": "javascript",
    ".jsx": "javascriptreact",
    ".php": "php",
    ".py": "python",
    ".rs": "rust",
    ".ts": "typescript",
    ".tsx": "typescriptreact",
}


@dataclass(frozen=True)
class Served:
    """A server of a pool, asked about ``file``, which may but need not be on disk.

    Names that satisfy ``is_everywhere`` are left out, since every value has them.
    """

    pool: ServerPool
    root: Path
    name: str
    file: str
    is_everywhere: Callable[[str], bool]

    def answer(self, text: str, file: str | None = None) -> Answer:
        """The answer at the mark in the file's text, or in that of another ``file``."""
        prefix, mark, suffix = text.partition(MARK)
        assert mark
        path = self.root / (self.file if file is None else file)
        document = Document(LANGUAGES[path.suffix], str(path), prefix, suffix)
        handle = self.pool.ask(Query(QueryKind.MEMBERS, document), server=self.name)
        return self.pool.wait(handle, DEADLINE_S)

    def accepts(self, text: str, monitors: Sequence[str] = DEFAULT_MONITORS) -> bool:
        """Whether no mask would refuse what stands between the two marks of the file's text."""
        prefix, written, suffix = text.split(MARK)
        path = self.root / self.file
        language = LANGUAGES[path.suffix]
        monitor = monitor_for(language, monitors)
        state = monitor.start(Document(language, str(path), prefix, suffix))
        rest = written + " "
        while (queries := monitor.queries(state)) or rest:
            for query in queries:
                answer = self.pool.wait(self.pool.ask(query, server=self.name), DEADLINE_S)
                state, _ = monitor.answer(state, query, answer)
            state, rest, valid = monitor.update(state, rest)
            if not valid:
                return False
        return True

    def names(self, text: str, file: str | None = None) -> set[str]:
        """The names at the mark; the answer must be a list."""
        answer = self.answer(text, file)
        assert isinstance(answer, Members), answer
        return {name.text for name in answer.names if not self.is_everywhere(name.text)}

    def reason(self, text: str, file: str | None = None) -> Reason:
        """Why there are no names at the mark."""
        answer = self.answer(text, file)
        assert isinstance(answer, Unavailable), answer
        return answer.reason

    def names_again(self, text: str) -> set[str]:
        """The names at the mark from a new process, when the one that runs has been killed."""
        self.pool.start(LANGUAGES[Path(self.file).suffix], server=self.name).result(DEADLINE_S)
        (pid,) = self.pool.process_ids
        kill_tree(pid)
        assert gone({pid})
        end_s = time.monotonic() + DEADLINE_S
        while isinstance(self.answer(text), Unavailable) and time.monotonic() < end_s:
            time.sleep(0.1)
        names = self.names(text)
        assert self.pool.process_ids != (pid,)
        return names


@contextmanager
def serving(
    root: Path,
    name: str,
    file: str,
    is_everywhere: Callable[[str], bool] = lambda name: False,
    *,
    trusted: bool = False,
) -> Iterator[Served]:
    """The server in a pool of its own."""
    require(name)
    with ServerPool(root, trust_workspace=trusted) as pool:
        yield Served(pool, root, name, file, is_everywhere)


def closed(server: AbstractContextManager[Served], text: str) -> set[int]:
    """The processes that answered; when their pool is closed, none of them is left."""
    before = descendants()
    with server as served:
        served.names(text)
        started = descendants() - before
    assert gone(started)
    return started


def is_special(name: str) -> bool:
    """Whether a name of Python is one like ``__class__``."""
    return name.startswith("__")
