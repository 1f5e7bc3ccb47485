"""Documents as one server knows them, kept equal to what it is asked about."""

from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lsp_bridge.documents import overlay
from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.servers.transport import Connection, ResponseError

_LAST_VERSION = 2**31 - 1


class _Open:
    """An open document."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.version = 1
        self.is_stale = False
        """Whether the server may have made something of it that is not true any more."""


class Documents:
    """The open documents of one server, the one used last at the end."""

    def __init__(self, connection: Connection, profile: Profile) -> None:
        self._connection = connection
        self._profile = profile
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self.encoding = Encoding.UTF16
        """Unit of columns, as negotiated."""

    async def show(self, question: Question, busy: Collection[str]) -> None:
        """Make the server's copy of the document equal to the question's text.

        Older documents are closed, but for those whose URI is in ``busy``.
        """
        document = self._open.get(question.uri)
        if document is not None and self._is_worn(document):
            self.forget(question.uri)
            document = None
        if document is None:
            self._begin(question)
        elif document.text != question.text:
            self._change(question, document)
        self._open.move_to_end(question.uri)
        await self._close_old({question.uri, *busy})

    def _is_worn(self, document: _Open) -> bool:
        most = self._profile.most_changes
        return document.is_stale or (most is not None and document.version > most)

    def forget(self, uri: str) -> None:
        """Close a document if it is open; the next question opens it anew."""
        if self._open.pop(uri, None) is not None:
            self._connection.notification("textDocument/didClose", {"textDocument": {"uri": uri}})

    def renew(self) -> None:
        """Have every document opened anew by the next question about it.

        Whoever includes files that have changed may be read again on that occasion only.
        """
        for document in self._open.values():
            document.is_stale = True

    def _begin(self, question: Question) -> None:
        self._open[question.uri] = _Open(question.text)
        item = {
            "uri": question.uri,
            "languageId": question.language,
            "version": 1,
            "text": question.text,
        }
        self._connection.notification("textDocument/didOpen", {"textDocument": item})

    def _change(self, question: Question, document: _Open) -> None:
        change = overlay.change(document.text, question.text, self.encoding)
        whole = {"text": question.text}
        content = change.to_lsp() if change is not None and self._profile.incremental else whole
        document.text = question.text
        document.version += 1
        versioned = {"uri": question.uri, "version": document.version}
        params = {"textDocument": versioned, "contentChanges": [content]}
        self._connection.notification("textDocument/didChange", params)

    async def _close_old(self, busy: Collection[str]) -> None:
        idle = [uri for uri in self._open if uri not in busy]
        for uri in idle[: max(0, len(self._open) - self._profile.open_documents)]:
            if self._profile.reread_on_close:
                await self._show_saved(uri)
            self.forget(uri)

    async def _show_saved(self, uri: str) -> None:
        """Have the server parse what is on disk, if anything is."""
        try:
            text = Path(unquote(urlsplit(uri).path)).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            return
        versioned = {"uri": uri, "version": _LAST_VERSION}
        changed = {"textDocument": versioned, "contentChanges": [{"text": text}]}
        self._connection.notification("textDocument/didChange", changed)
        place = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 0}}
        with suppress(ResponseError):
            await self._connection.request("textDocument/signatureHelp", place)
