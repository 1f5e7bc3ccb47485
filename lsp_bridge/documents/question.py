"""A query made ready to be sent: the text that a server gets, and the cursor in it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lsp_bridge.documents.holes import repair
from lsp_bridge.profiles.profile import Profile, Unfinished
from monitors.languages.language import Language
from monitors.languages.reader import Reader
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Query, QueryKind


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked at code point offset ``cursor`` of ``text``."""

    kind: QueryKind
    path: str
    language: str
    text: str
    cursor: int

    @property
    def uri(self) -> str:
        """The document's URI."""
        return Path(self.path).as_uri()

    @property
    def digest(self) -> bytes:
        """Stands for kind, text and cursor. Raises UnicodeEncodeError for lone surrogates."""
        data = hashlib.blake2b(self.text.encode(), digest_size=16)
        data.update(f"{self.cursor} {self.kind}".encode())
        return data.digest()


class Preparer:
    """Turns queries into questions; growing texts are read once."""

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {}

    def prepare(self, query: Query, path: str, profile: Profile) -> Question:
        """The question for ``query``, on the document laid out as ``profile`` wants it."""
        document = query.document
        text = document.prefix + document.suffix
        language = LANGUAGES.get(document.language)
        if profile.unfinished is Unfinished.REPAIR and language is not None:
            state = self._reader(language).read(path, document.prefix).lexer
            text = repair(language, state, document.prefix, document.suffix).text
        return Question(query.kind, path, document.language, text, len(document.prefix))

    def _reader(self, language: Language) -> Reader:
        if language.name not in self._readers:
            self._readers[language.name] = Reader(language)
        return self._readers[language.name]
