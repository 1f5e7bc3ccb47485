"""The logits processor for Outlines, alone or together with an output type.

It translates only: what follows the text and masks it are the processors of the engines beneath.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from decoding.session.guide import Guide
from decoding.session.options import DEFAULTS, Options
from decoding.session.session import Session
from decoding.session.statistics import Statistics
from decoding.vocabulary.index import TokenIndex
from decoding.wiring import DEFAULT_MONITORS, open_guide
from lsp_bridge import ServerPool
from monitors.errors import UsageError
from monitors.protocols import Document

try:
    from outlines.generator import SteerableGenerator
    from outlines.processors import OutlinesLogitsProcessor
except ImportError as error:
    raise ImportError(
        f"Outlines needs {error.name}; pip install 'monitor-guided-decoding[outlines]'",
        name=error.name,
    ) from error

_Follower = Callable[[Any, Any], Any]
"""Masks logits of shape (rows, vocabulary) behind ids of shape (rows, length)."""


def open_outlines(
    model: Any,
    documents: Document | Sequence[Document],
    pool: ServerPool,
    *,
    output_type: Any = None,
    backend: str | None = None,
    server: str | None = None,
    monitors: Iterable[str] = DEFAULT_MONITORS,
    options: Options = DEFAULTS,
) -> "MonitorOutlinesProcessor":
    """A processor for ``outlines.Generator(model, processor=...)``, whose questions a pool answers.

    ``documents``: the file before the cursor; for ``generator.batch`` one for each prompt, all of
    one language. With ``output_type``, and Outlines' ``backend`` for it, the text follows both.
    Raises `UsageError` (`ModelError`, `ServerError`).
    """
    documents = _listed(documents)
    languages = sorted({document.language for document in documents})
    if len(languages) != 1:
        raise UsageError(f"got documents in {languages}; expected some, all in one language")
    index = _index(model)
    guide = open_guide(index, languages[0], pool, server, monitors=monitors)
    return MonitorOutlinesProcessor(
        model, guide, documents, output_type=output_type, backend=backend, options=options
    )


class MonitorOutlinesProcessor(OutlinesLogitsProcessor):
    """Masks, row by row, every token that cannot lead to a valid name.

    Each generation begins anew behind the documents. Where an output type and the valid names have
    no token in common, the output type wins, which `statistics` count as ``empty_mask``. `close`
    it, or use it as a context manager, to give up what is still being asked in the end.
    """

    def __init__(
        self,
        model: Any,
        guide: Guide,
        documents: Document | Sequence[Document],
        *,
        output_type: Any = None,
        backend: str | None = None,
        options: Options = DEFAULTS,
    ) -> None:
        """``guide``: made with an index of the model's logits; the rest as in `open_outlines`."""
        library = _library(model)
        self._documents = _listed(documents)
        if library == "numpy":
            _check_llama_cpp(model, self._documents, options)
        super().__init__(library)
        self._followers = _FOLLOWERS[library]
        self._guide = guide
        self._options = options
        self._output: Any = None
        if output_type is not None:
            self._output = SteerableGenerator(model, output_type, backend).logits_processor
        self._sessions: list[Session] = []
        self._follower: _Follower | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what was asked ahead; it would keep servers busy. Going on does no harm."""
        for session in self._sessions:
            session.close()

    @property
    def statistics(self) -> list[Statistics]:
        """What was done in the last generation, one for each document."""
        return [session.statistics for session in self._sessions]

    def reset(self) -> None:
        """Begin a new generation."""
        self.close()
        self._sessions = []
        self._follower = None
        if self._output is not None:
            self._output.reset()

    def process_logits(self, input_ids: Any, logits: Any) -> Any:
        """Logits of shape (rows, vocabulary) with forbidden tokens at -inf.

        ``input_ids``: prompts and what was generated, of shape (rows, length).
        """
        if self._follower is None:
            self._sessions = [
                Session(self._guide, document, options=self._options)
                for document in self._documents
            ]
            self._follower = self._followers(input_ids, self._sessions)
        if self._output is not None:
            logits = self._output.process_logits(input_ids, logits)
        return self._follower(input_ids, logits)


def _listed(documents: Document | Sequence[Document]) -> list[Document]:
    return [documents] if isinstance(documents, Document) else list(documents)


def _library(model: Any) -> str:
    """The library of the model's logits. Raises `UsageError` for one that is not supported."""
    library: object = getattr(model, "tensor_library_name", None)
    if not isinstance(library, str) or library not in _FOLLOWERS:
        raise UsageError(
            f"got a {type(model).__name__}; expected a model of outlines.from_transformers or "
            "outlines.from_llamacpp, whose logits a processor may change"
        )
    return library


def _check_llama_cpp(model: Any, documents: Sequence[Document], options: Options) -> None:
    """Refuse what llama.cpp cannot do, and what would go wrong in it without a word."""
    if len(documents) != 1:
        raise UsageError(f"got {len(documents)} documents; llama.cpp takes one prompt at a time")
    if options.strict:
        raise UsageError(
            "got strict=True with a model of llama.cpp, which goes on when a processor raises; "
            "leave it out, and see the statistics"
        )
    if getattr(model.model, "draft_model", None) is not None:
        raise UsageError(
            "got a model with a draft_model, whose processors are not told which drafts were "
            "accepted; load it without"
        )


def _index(model: Any) -> TokenIndex:
    """The token index of a model."""
    if _library(model) == "numpy":
        from decoding.engines.llama_cpp.model import open_index as open_llama_cpp

        return open_llama_cpp(model.model)
    from decoding.engines.transformers.model import open_index

    return open_index(model.model, model.hf_tokenizer)


def _follow_torch(input_ids: Any, sessions: Sequence[Session]) -> _Follower:
    """Many rows, in the order of the prompts and as many for each."""
    from decoding.engines.transformers.processor import MonitorLogitsProcessor

    rows = input_ids.tolist()
    each, rest = divmod(len(rows), len(sessions))
    if rest or not each:
        raise UsageError(
            f"got {len(rows)} rows for {len(sessions)} documents; expected one document for each "
            "prompt"
        )
    return MonitorLogitsProcessor(list(zip(rows[::each], sessions, strict=True)))


def _follow_numpy(input_ids: Any, sessions: Sequence[Session]) -> _Follower:
    """One row: llama.cpp takes one prompt at a time."""
    from decoding.engines.llama_cpp.processor import LlamaLogitsProcessor

    processor = LlamaLogitsProcessor(sessions[0])
    return lambda ids, logits: processor(ids[0], logits[0])[None]


_FOLLOWERS: dict[str, Callable[[Any, Sequence[Session]], _Follower]] = {
    "torch": _follow_torch,
    "numpy": _follow_numpy,
}
"""By the library of the logits: Transformers has torch, llama.cpp numpy."""
