"""From generated ids to the text that is inserted, and where it ends."""

import codecs
from collections import deque

from decoding.prompt.stopping import Stopper, open_stopper
from decoding.vocabulary.index import TokenIndex
from monitors.languages.language import Language

_MOST_TEXTS = 64


class Output:
    """Turns generated ids into the text to insert, and says where it ends."""

    def __init__(
        self,
        index: TokenIndex,
        language: Language,
        prefix: str,
        healed: bytes,
        until: str | None,
    ) -> None:
        """``prefix``: the file before the position, the end of which ``healed`` writes again."""
        self._index = index
        self._healed = healed
        self._stopper = None if until is None else open_stopper(language, prefix, until)
        self._texts: deque[_Text] = deque(maxlen=_MOST_TEXTS)
        """Those that were looked at last, the newest in front."""

    def is_done(self, ids: list[int]) -> bool:
        """Whether the text of ``ids`` holds the end that was asked for.

        Reads what has come since it was asked for a beginning of ``ids``.
        """
        if self._stopper is None:
            return False
        begun = (each for each in self._texts if ids[: len(each.ids)] == each.ids)
        text = next(begun, None) or _Text(self._stopper, self._healed)
        text = text.grown(ids, self._index)
        self._texts.appendleft(text)
        return text.end is not None

    def text(self, ids: list[int]) -> str:
        """Text to insert, cut where it should end."""
        inserted = self._inserted(ids)
        return inserted[: self._end(inserted)]

    def _inserted(self, ids: list[int]) -> str:
        data = b"".join(self._index.bytes_of(token_id) or b"" for token_id in ids)
        if self._healed.startswith(data):  # no more than what stands before the position
            return ""
        return data.removeprefix(self._healed).decode("utf-8", "ignore")

    def _end(self, inserted: str) -> int | None:
        return None if self._stopper is None else self._stopper.fork().update(inserted)


class _Text:
    """How far a generated text was read, and where it ends."""

    def __init__(self, stopper: Stopper, healed: bytes) -> None:
        self.ids: list[int] = []
        self.end: int | None = None
        self._stopper = stopper
        self._data = b""
        """What was not read yet: the healed text, or an unfinished character."""
        self._healed = healed

    def grown(self, ids: list[int], index: TokenIndex) -> "_Text":
        """The text of ``ids``, which begin with those of this one."""
        text = _Text(self._stopper.fork(), self._healed)
        text.ids = ids
        text._data = self._data
        new = b"".join(index.bytes_of(token_id) or b"" for token_id in ids[len(self.ids) :])
        text._read(new, self.end)
        return text

    def _read(self, new: bytes, end: int | None) -> None:
        self._data += new
        if len(self._data) < len(self._healed) and self._healed.startswith(self._data):
            return
        self._data = self._data.removeprefix(self._healed)
        self._healed = b""
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        piece = decoder.decode(self._data)
        self._data = decoder.getstate()[0]
        self.end = self._stopper.update(piece) if end is None else end
