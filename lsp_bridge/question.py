"""A query made ready to be sent: the text that a server gets, and the cursor in it."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from lsp_bridge.holes import repair
from lsp_bridge.profiles.profile import Profile, Unfinished
from monitors.languages.language import Language, LexState
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Query


@dataclass(frozen=True, slots=True)
class Question:
    """Completions are asked for at code point offset ``cursor`` of ``text``."""

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
        """Stands for text and cursor. Raises UnicodeEncodeError for lone surrogates."""
        data = hashlib.blake2b(self.text.encode(), digest_size=16)
        data.update(str(self.cursor).encode())
        return data.digest()


class Preparer:
    """Turns queries into questions; remembers lexer states so that growing texts are read once."""

    def __init__(self, memory: int = 64) -> None:
        self._memory = memory
        self._states: OrderedDict[tuple[str, int], tuple[str, LexState]] = OrderedDict()

    def prepare(self, query: Query, path: str, profile: Profile) -> Question:
        """The question for ``query``, on the document laid out as ``profile`` wants it."""
        document = query.document
        text = document.prefix + document.suffix
        language = LANGUAGES.get(document.language)
        if profile.unfinished is Unfinished.REPAIR and language is not None:
            state = self._state(language, document.prefix)
            text = repair(language, state, document.prefix, document.suffix).text
        return Question(path, document.language, text, len(document.prefix))

    def _state(self, language: Language, prefix: str) -> LexState:
        """The lexer's state at the end of ``prefix``, resumed from the longest known beginning."""
        known, state = self._longest(language, prefix)
        at = len(known)
        while at < len(prefix):
            state, at = state.scan(prefix, at)
        key = (language.name, hash(prefix))
        self._states[key] = (prefix, state)
        self._states.move_to_end(key)
        while len(self._states) > self._memory:
            self._states.popitem(last=False)
        return state

    def _longest(self, language: Language, prefix: str) -> tuple[str, LexState]:
        best: tuple[str, LexState] = ("", language.start())
        for (name, _), (known, state) in self._states.items():
            if name == language.name and len(known) > len(best[0]) and prefix.startswith(known):
                best = (known, state)
        return best
