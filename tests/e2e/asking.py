"""Questions to live servers, with the cursor marked in the text."""

from pathlib import Path

from lsp_bridge import ServerPool
from monitors.protocols import Answer, Document, Facts, Query, QueryKind, Reason, Unavailable

MARK = "‸"
DEADLINE_S = 60.0


def written(root: Path, files: dict[str, str]) -> Path:
    """``root`` with ``files`` in it."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


class Asking:
    """Asks a pool about one file."""

    def __init__(self, pool: ServerPool, language: str, file: Path) -> None:
        self.pool = pool
        self.language = language
        self.file = file

    def answer(self, text: str) -> Answer:
        """The answer at the mark."""
        prefix, mark, suffix = text.partition(MARK)
        assert mark
        document = Document(self.language, str(self.file), prefix, suffix)
        handle = self.pool.ask(Query(QueryKind.MEMBERS, document))
        return self.pool.wait(handle, DEADLINE_S)

    def names(self, text: str) -> set[str]:
        """The names at the mark."""
        answer = self.answer(text)
        assert isinstance(answer, Facts), answer
        return {name.text for name in answer.names}

    def reason(self, text: str) -> Reason:
        """Why there are no names at the mark."""
        answer = self.answer(text)
        assert isinstance(answer, Unavailable), answer
        return answer.reason
