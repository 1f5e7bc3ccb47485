"""Generated text behind a document's prefix, as the states of monitors hold it."""

from dataclasses import replace

from monitors.protocols import Document

_LONGEST = 2_000
"""Characters that each state holds for itself before they join the prefix."""


def cut(document: Document, generated: str, end: int, behind: str = "") -> Document:
    """The document whose prefix ends where ``generated[:end]`` does, and with ``behind``.

    ``end`` may be negative: then that lies in the prefix of ``document``.
    """
    prefix = document.prefix + generated[:end] if end >= 0 else document.prefix[:end]
    return replace(document, prefix=prefix + behind)


def joined(document: Document, generated: str) -> tuple[Document, str]:
    """Both, with long generated text in the prefix, where all states that follow share it."""
    if len(generated) <= _LONGEST:
        return document, generated
    return replace(document, prefix=document.prefix + generated), ""
