"""llama.cpp with real (tiny, random) models: tables, masks, sampling, and mistakes."""

import json
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest

from decoding.engines import registry
from decoding.engines.engine import Sampling
from decoding.generate import generate, load_model
from decoding.prompt import fim
from decoding.session.guide import Guide
from decoding.session.options import Options
from decoding.session.session import Session
from decoding.vocabulary.tokens import Vocabulary
from evaluation.audit import audit
from lsp_bridge import ServerPool
from monitors.dereference import DereferenceMonitor
from monitors.errors import AnalysisError, ModelError, UsageError
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Reason, Unavailable
from tests import tokenizers
from tests.analysts import ScriptedAnalyst, facts, members
from tests.fakes import misbehaving
from tests.ggufs import gguf, llama_cpp, load, written

from decoding.engines.llama_cpp.model import LlamaCppModel  # isort: skip - skipped where missing
from decoding.engines.llama_cpp.processor import LlamaLogitsProcessor  # isort: skip
from decoding.engines.llama_cpp.vocabulary import table_of  # isort: skip

MONITOR = DereferenceMonitor(PYTHON)
ANALYST = ScriptedAnalyst(members({"order": ["total", "items"]}, facts("append", "get")))
PROMPT = "def total(order, x):\n    y = order"
KINDS = {
    "bytes": lambda: tokenizers.byte_level(None),
    "added": tokenizers.with_plain_added_tokens,
    "sentencepiece": tokenizers.sentencepiece_bpe,
}


@cache
def file(kind: str = "bytes") -> Path:
    """A GGUF file, written once."""
    return written(Path(mkdtemp()) / f"{kind}.gguf", KINDS[kind]())


@cache
def llm(kind: str = "bytes") -> Any:
    """A random model."""
    return load(file(kind))


@cache
def engine(kind: str = "bytes") -> LlamaCppModel:
    """The engine with it."""
    return LlamaCppModel(llm(kind))


def liking(*texts: str) -> Any:
    """A processor that makes tokens likely."""
    ids = [i for i in map(engine().encode, texts) if len(i) == 1]

    def like(_: Any, scores: Any) -> Any:
        scores = scores.copy()
        scores[np.unique(ids)] += 12
        return scores

    return like


def eager() -> Any:
    """Makes dots and names likely."""
    return liking(".", " order", "items", "(", ".append", ".total", "total", "\n", ".get")


def session(prefix: str, answer: Any = None, **settings: Any) -> Session:
    """A session behind ``prefix``."""
    analyst = ANALYST if answer is None else ScriptedAnalyst(answer)
    guide = Guide(engine().index, PYTHON, MONITOR, analyst)
    document = Document("python", "/p/a.py", prefix)
    options = settings.pop("options", Options())
    return Session(guide, document, options=options, **settings)


def run(prefix: str = PROMPT, guided: Session | None = None, **settings: Any) -> list[list[int]]:
    """Generate behind ``prefix``, dots and names made likely."""
    sampling = Sampling(
        settings.pop("most", 40), settings.pop("temperature", 0.0), settings.pop("seed", None)
    )
    return engine().generate(
        [*engine().start_ids, *engine().encode(prefix)],
        session(prefix) if guided is None else guided,
        settings.pop("is_done", lambda ids: False),
        sampling,
        {"logits_processor": [eager()]} | settings,
    )


def text_of(ids: list[int]) -> str:
    """Generated text."""
    data = b"".join(engine().index.bytes_of(token_id) or b"" for token_id in ids)
    return data.decode("utf-8", "replace")


def invented(prefix: str, ids: list[int]) -> list[str]:
    """Members in the generated text that do not exist."""
    document = Document("python", "/p/a.py", prefix)
    verdicts = audit(MONITOR, PYTHON, ANALYST.look_up, document, text_of(ids))
    return [verdict.name for verdict in verdicts if not verdict.valid]


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_have_the_bytes_that_llama_cpp_writes(kind: str) -> None:
    """Every token by itself, whatever the kind of table."""
    vocabulary = table_of(llm(kind)).vocabulary

    assert vocabulary.size == llm(kind).n_vocab()
    for token_id, data in enumerate(vocabulary.tokens):
        # The package cannot detokenize longer ones. At the beginning of a text blanks are dropped.
        if len(data or b"") <= 32:
            expected = llm(kind).detokenize([token_id], prev_tokens=[token_id])
            assert (data or b"") == expected


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_have_the_bytes_of_the_tokenizer_that_the_file_was_made_from(kind: str) -> None:
    """Two ways, one from the table in the file and one from the tokenizer's own description."""
    table = table_of(llm(kind))
    expected = Vocabulary.from_tokenizer(KINDS[kind](), end_ids=table.vocabulary.end_ids)

    assert table.vocabulary == expected


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_the_bytes_of_their_tokens(kind: str) -> None:
    """Encoded without special tokens; SentencePiece puts a blank before."""
    text = "def größe(self):\n\treturn self.items[0].total_price  # 🎉 <|endoftext|> </s>\r\n"
    ids = engine(kind).encode(text)
    data = b"".join(engine(kind).index.bytes_of(i) or b"" for i in ids)

    assert data.removeprefix(b" ") == text.encode()


def test_special_tokens_are_found_by_their_names() -> None:
    """Marks of fill-in-the-middle; what ends the middle ends a text."""
    template = fim.detect(engine().token_to_id)

    assert template is not None
    assert template.format.name == "qwen"
    assert template.stop_ids <= engine().index.end_ids
    assert engine().token_to_id("no such token") is None


def test_characters_outside_of_the_alphabet_are_text(tmp_path: Path) -> None:
    """In a byte-level table, where llama.cpp itself writes a complaint instead."""
    tokenizer = tokenizers.byte_level(None)
    description = json.loads(tokenizer.to_str())
    description["model"]["vocab"]["ж中" * 40] = tokenizer.get_vocab_size()
    strange = type(tokenizer).from_str(json.dumps(description))
    table = table_of(load(written(tmp_path / "strange.gguf", strange)))

    assert table.vocabulary.tokens[-1] == ("ж中" * 40).encode()


def test_tables_without_exact_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as BERT's, whose tokens have blanks between them or not."""
    wordpiece = llama_cpp.LLAMA_VOCAB_TYPE_WPM
    monkeypatch.setattr(llama_cpp, "llama_vocab_type", lambda vocab: wordpiece)

    with pytest.raises(ModelError, match="exact bytes"):
        LlamaCppModel(load(file()))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 1.0, "seed": 1, "num_return_sequences": 4},
        {"temperature": 3.0, "seed": 2, "num_return_sequences": 4},
        {"temperature": 1.0, "seed": 3, "top_k": 20, "top_p": 0.9, "repeat_penalty": 1.2},
    ],
    ids=["greedy", "samples", "hot", "options"],
)
def test_no_way_of_decoding_invents_a_member(settings: dict[str, Any]) -> None:
    """Over many tokens, every sequence keeps to the members."""
    rows = run(most=120, **settings)

    assert any("." in text_of(ids) for ids in rows)
    for ids in rows:
        assert invented(PROMPT, ids) == []


def test_without_masks_members_are_invented() -> None:
    """The test above can fail."""
    silent = session(PROMPT, Unavailable(Reason.TIMEOUT))
    rows = run(guided=silent, most=120, temperature=1.0, seed=1, num_return_sequences=4)

    assert any(invented(PROMPT, ids) for ids in rows)
    assert silent.statistics.fail_open[Reason.TIMEOUT] > 0


def test_generated_tokens_are_those_of_llama_cpp_where_nothing_is_constrained() -> None:
    """The same ids as without any processor, greedily and sampled."""
    text = "'" * 3 + "in a string order"
    prompt = [*engine().start_ids, *engine().encode(text)]
    own = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}
    for temperature in (0.0, 0.8):
        llm().set_seed(7)
        tokens = llm().generate(prompt, temp=temperature, **own)
        expected = [next(tokens) for _ in range(20)]
        quiet = session(text, Unavailable(Reason.TIMEOUT))
        [ids] = engine().generate(
            prompt, quiet, lambda ids: False, Sampling(20, temperature, 7), {}
        )

        assert ids == expected[: len(ids)]
        assert len(ids) == 20 or ids[-1] in engine().index.end_ids


def test_rows_that_nothing_constrains_keep_their_logits() -> None:
    """Bit for bit, also in the array of structures that llama.cpp hands over."""
    prompt = "y = order."
    failing = session(prompt, Unavailable(Reason.TIMEOUT))
    records = np.zeros(engine().index.size, [("id", np.intc), ("logit", np.single)])
    scores = records["logit"]
    scores[:] = np.random.default_rng(0).standard_normal(len(scores))
    with LlamaLogitsProcessor(failing) as processor:
        masked = processor(np.array(engine().encode(prompt), np.intc), scores)

    assert masked.tobytes() == scores.tobytes()


def test_the_processor_follows_ids_that_jump_back() -> None:
    """As a caller does that begins again behind the same prompt."""
    ids = engine().encode("y = order")
    dot, total = engine().encode(".")[0], engine().encode("total")[0]
    processor = LlamaLogitsProcessor(session("y = order"))
    zeros = np.zeros(engine().index.size, np.float32)
    free = processor(ids, zeros)
    named = processor([*ids, dot], zeros)
    again = processor(ids, zeros)

    assert named[total] == 0
    assert np.isneginf(named[engine().encode("append")[0]])
    assert (again == free).all()


def test_generation_ends_where_it_should() -> None:
    """At the end that was asked for, at a token that ends the text, or at the most tokens."""
    end = min(engine().index.end_ids)

    def end_it(_: Any, scores: Any) -> Any:
        scores = scores.copy()
        scores[end] = 1000
        return scores

    [done] = run(is_done=lambda ids: len(ids) == 3)
    [ended] = run("x = 1\n", logits_processor=[end_it])
    [most] = run(most=5)

    assert (len(done), len(most)) == (3, 5)
    assert ended == [end]


def test_lists_that_is_done_was_given_do_not_grow() -> None:
    """It may keep them."""
    seen: list[list[int]] = []
    run(most=4, is_done=lambda ids: bool(seen.append(ids)))  # type: ignore[func-returns-value]

    assert [len(ids) for ids in seen] == [1, 2, 3]


def test_seeds_repeat_and_differ() -> None:
    """Each sequence of a call has a seed of its own; the model keeps the one that it had."""
    llm().set_seed(99)
    first = run(temperature=1.5, seed=5, num_return_sequences=3)

    assert run(temperature=1.5, seed=5, num_return_sequences=3) == first
    assert run(temperature=1.5, seed=6) != first[:1]
    assert len({tuple(ids) for ids in first}) > 1
    assert len({tuple(run(temperature=1.5)[0]) for _ in range(4)}) > 1
    assert llm()._seed == 99


def test_a_prompt_is_read_once_for_all_sequences() -> None:
    """What llama.cpp has cached of it is used again."""
    read: list[int] = []
    made = load(file())
    evaluate = made.eval
    made.eval = lambda tokens: (read.append(len(tokens)), evaluate(tokens))
    prompt = [0, *engine().encode(PROMPT)]
    LlamaCppModel(made).generate(
        prompt, session(PROMPT), lambda ids: False, Sampling(4), {"num_return_sequences": 3}
    )

    assert [length for length in read if length > 1] == [len(prompt)]


def test_drafts_get_the_masks_of_their_places() -> None:
    """With a draft model, whose tokens the processor sees before they are accepted."""
    from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

    drafting = LlamaCppModel(load(file(), draft_model=LlamaPromptLookupDecoding(num_pred_tokens=4)))
    prompt = [0, *engine().encode(PROMPT)]
    options = {"logits_processor": [eager()]}
    ids = drafting.generate(prompt, session(PROMPT), lambda ids: False, Sampling(60), options)

    assert ids == run(most=60)
    assert invented(PROMPT, ids[0]) == []


def test_what_is_raised_while_masking_is_raised() -> None:
    """llama.cpp itself would print it and go on unguided."""
    strict = session("y = order.", Unavailable(Reason.TIMEOUT), options=Options(strict=True))
    with pytest.raises(AnalysisError, match="timeout"):
        run("y = order.", strict)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 2, "do_sample": True}, "got do_sample, num_beams for a model of llama.cpp"),
        ({"grammar": None}, "got grammar .*expected some of .*top_p"),
        ({"num_return_sequences": 0}, "num_return_sequences=0; expected 1 or more"),
    ],
    ids=str,
)
def test_unknown_options_are_refused(options: dict[str, Any], message: str) -> None:
    """By name."""
    with pytest.raises(UsageError, match=message):
        run(**options)


def test_models_are_known_by_their_name_and_class() -> None:
    """Names of GGUF files, and instances of `llama_cpp.Llama`."""
    assert registry.for_name("some/Model.Q4_K_M.GGUF").name == "llama_cpp"
    assert registry.for_name("some/model").name == "transformers"
    assert registry.kind_of(llm()).name == "llama_cpp"


def test_files_that_cannot_be_loaded_are_errors(tmp_path: Path) -> None:
    """The message names the file."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and nothing else")

    with pytest.raises(ModelError, match=r"no GGUF file 'missing.gguf'"):
        load_model("missing.gguf")
    with pytest.raises(ModelError, match=r"broken\.gguf is no model that llama\.cpp can load"):
        load_model(str(broken))


def test_a_missing_package_is_an_error_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found before anything is loaded."""
    monkeypatch.delitem(sys.modules, "decoding.engines.llama_cpp.model")
    monkeypatch.setitem(sys.modules, "llama_cpp", None)

    with pytest.raises(ModelError, match=r"GGUF files need llama_cpp; pip install '.*llama-cpp\]'"):
        load_model("x.gguf")


@pytest.fixture
def pool(tmp_path: Path) -> Any:
    """A scripted server that lists the words of the first line, and ``open_1``."""
    with ServerPool(tmp_path, profiles={"fake": misbehaving("none")}) as opened:
        yield opened


@pytest.mark.parametrize("count", [1, 3])
def test_files_are_completed(tmp_path: Path, pool: ServerPool, count: int) -> None:
    """Through the front door: loaded by name, fill-in-the-middle, healed, guided."""
    path = tmp_path / "app.py"
    path.write_text("# items total\nx = y.it\nz = 1\n")
    result = generate(
        *load_model(str(file())),
        path=path,
        position=(2, 9),
        pool=pool,
        max_new_tokens=8,
        deadline_s=20.0,
        temperature=1.0,
        seed=3,
        num_return_sequences=count,
    )

    assert len(result.texts) == count
    assert all(text.startswith("ems") for text in result.texts)
    assert result.stats.constrained > 0


def test_the_context_is_no_longer_than_the_model_was_trained_for() -> None:
    """Nor than the one that it was loaded with."""
    model, tokenizer = load_model(str(file()))

    assert tokenizer is None
    assert LlamaCppModel(model).context == 256
    assert LlamaCppModel(llama_cpp.Llama(str(file()), n_ctx=64, verbose=False)).context <= 256


def test_models_are_written_with_the_package_that_reads_them() -> None:
    """The files of these tests are what other tools make of them."""
    fields = gguf.GGUFReader(file()).fields

    assert fields["general.architecture"].contents() == "llama"
