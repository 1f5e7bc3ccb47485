"""`generate()` from its caller's side: mistakes are found early, options reach the engine."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from decoding.engines.transformers import model as hf
from decoding.engines.transformers.model import open_index
from decoding.generate import Completion, check_request, generate, load_model
from decoding.prompt.output import Output
from decoding.prompt.stopping import open_stopper
from decoding.prompt.stopping_python import PythonStopper
from evaluation.invented import invented_names
from lsp_bridge import ServerPool
from mgd.models import BUNDLED_MODEL
from monitors.errors import (
    AnalysisError,
    ModelError,
    PositionError,
    ServerError,
    UsageError,
    WorkspaceError,
)
from monitors.languages.python import PYTHON
from monitors.protocols import Reason
from tests.fakes import misbehaving
from tests.tokenizers import byte_level, sentencepiece_bpe, wordpiece, wrapped

TEXT = "# alpha beta\nx = y.\nz = 1\n"
"""The scripted server lists the words of the first line, and ``open_1``."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a cursor behind ``y.``, at line 2, column 7."""
    (tmp_path / "pyproject.toml").write_text("")
    path = tmp_path / "app.py"
    path.write_text(TEXT)
    return path


@pytest.fixture
def pool(tmp_path: Path) -> Any:
    """A pool with a scripted server that behaves."""
    with ServerPool(tmp_path, profiles={"fake": misbehaving("none")}) as opened:
        yield opened


@cache
def tokenizer() -> Any:
    """The bundled one."""
    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


@cache
def model() -> Any:
    """Small and random, with a short context."""
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer()) + 8,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def complete(path: Path, pool: ServerPool, **options: Any) -> Completion:
    """A completion behind ``y.``."""
    settings: dict[str, Any] = {"max_new_tokens": 12, "deadline_s": 20.0, "pool": pool}
    settings["position"] = (2, 7)
    return generate(model(), tokenizer(), path, **(settings | options))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_new_tokens": 0}, UsageError, "max_new_tokens=0; expected 1 or more"),
        ({"max_new_tokens": -1}, UsageError, "expected 1 or more"),
        ({"temperature": -0.1}, UsageError, "temperature=-0.1; expected 0 or more"),
        ({"deadline_s": 0}, UsageError, "a deadline of 0 s; expected more than 0"),
        ({"start_timeout_s": -1}, UsageError, "start_timeout_s=-1; expected 0 or more"),
        ({"until": "never"}, UsageError, "until='never'; expected None or one of line"),
        ({"crossing": "never"}, UsageError, "crossing='never'; expected one of verify, split"),
        ({"server": "gopls"}, ServerError, "'gopls' understands go, not python"),
        ({"position": (2, 99)}, PositionError, "column 99 is outside line 2"),
        ({"position": (99, 1)}, PositionError, "line 99 is outside"),
        ({"workspace": "/usr"}, WorkspaceError, "outside the workspace"),
        ({"path": "no-such.py"}, WorkspaceError, "no-such.py"),
        ({"path": "README"}, WorkspaceError, "README"),
    ],
    ids=str,
)
def test_mistakes_are_found_before_the_model_is_touched(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    error: type[UsageError],
    message: str,
) -> None:
    """There is none here; every message says what was got."""
    monkeypatch.chdir(file.parent)
    arguments: dict[str, Any] = {"path": file, "position": (1, 1)}

    with pytest.raises(error, match=message):
        generate(None, None, **(arguments | options))


def output(prefix: str, until: str | None, healed: bytes = b"") -> Output:
    """What turns ids into text, behind ``prefix``."""
    index = open_index(model(), tokenizer())
    return Output(index, PYTHON, prefix, healed, until)


def test_asking_for_the_end_reads_what_is_new_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the text costs twice the characters, not four times as many."""
    read: list[int] = []
    update = PythonStopper.update
    monkeypatch.setattr(
        PythonStopper, "update", lambda self, text: read.append(len(text)) or update(self, text)
    )
    text = "".join(f"    value_{number} = {number}\n" for number in range(100))
    ids = tokenizer().encode(text, add_special_tokens=False)
    asked = output("def f():\n", "function")
    done = [asked.is_done(ids[:end]) for end in range(1, len(ids) + 1)]

    assert not any(done)
    assert sum(read) == len(text)


@pytest.mark.parametrize("healed", [b"", b"ord"])
@given(data=st.data())
def test_the_end_of_a_text_does_not_depend_on_what_was_asked_before(
    healed: bytes, data: st.DataObject
) -> None:
    """Texts that grow side by side, are cut, or break off within a character."""
    asked = output("def f():\n    x = ", "line", healed)
    tokens = tokenizer().encode("ord = größe\n(, ", add_special_tokens=False)
    texts: list[list[int]] = [[] for _ in range(3)]
    for _ in range(8):
        text = data.draw(st.sampled_from(texts))
        del text[data.draw(st.integers(0, len(text))) :]
        text += data.draw(st.lists(st.sampled_from(tokens), max_size=3))
        found = asked.is_done(list(text))
        inserted = asked._inserted(text)
        at_once = open_stopper(PYTHON, "def f():\n    x = ", "line").update(inserted)
        if len(text) > len(healed):  # before that nothing is inserted
            assert found == (at_once is not None)


def test_a_request_becomes_a_document_and_a_pool(file: Path) -> None:
    """Paths may be strings; the pool of a workspace is shared by all calls of the process."""
    document, pool = check_request(str(file), (2, 7))
    again, same = check_request(file, (1, 1), str(file.parent))

    assert document.prefix == "# alpha beta\nx = y."
    assert again.prefix == ""
    assert pool is same
    assert pool.process_ids == ()


def test_a_pool_of_the_callers_is_used(file: Path, pool: ServerPool) -> None:
    """And the path must lie in its workspaces, which is checked when something is asked."""
    _, used = check_request(file, (1, 1), pool=pool)

    assert used is pool


def test_only_listed_names_are_generated(file: Path, pool: ServerPool) -> None:
    """A random model can write nothing but the members that the server lists."""
    for seed in range(5):
        result = complete(file, pool, temperature=1.0, seed=seed, max_new_tokens=4)
        allowed = ("alpha", "beta", "open_1")
        name = result.text.strip(" \t\f\\\n")

        assert not name or any(word.startswith(name[:4]) for word in allowed), result.text
        assert result.stats.constrained >= 1
        assert invented_names(file, (2, 7), result.text, pool=pool) == []


def test_invented_names_are_found_in_any_text(file: Path, pool: ServerPool) -> None:
    """Each name that the server does not list, in text order; unfinished ones are none."""
    text = "alpha + y.gamma\ny.beta; y.delta\ny.al"

    assert invented_names(file, (2, 7), text, pool=pool) == ["gamma", "delta"]


def test_the_first_of_the_texts_is_the_text(file: Path, pool: ServerPool) -> None:
    """One for each returned sequence; the statistics are those of all together."""
    result = complete(file, pool, temperature=1.0, seed=1, num_return_sequences=3)

    assert len(result.texts) == 3
    assert result.text == result.texts[0]
    assert 3 <= result.stats.tokens <= 3 * 12
    assert result.stats.wall_s > 0


def test_a_seed_makes_sampling_repeatable(file: Path, pool: ServerPool) -> None:
    """With the same seed the same text."""
    first, again = (complete(file, pool, temperature=1.5, seed=7).text for _ in range(2))

    assert first == again


@pytest.mark.parametrize("position", [(2, 7), (3, 1)], ids=["at an operator", "behind one"])
def test_a_first_answer_may_take_longer_than_the_deadline(
    file: Path, tmp_path: Path, position: tuple[int, int]
) -> None:
    """A server that has just been started is asked about the file before decoding begins."""
    profile = misbehaving("late", tmp_path / "was late")
    with ServerPool(tmp_path, profiles={"fake": profile}) as slow:
        stats = complete(file, slow, position=position, deadline_s=0.2).stats
        again = complete(file, slow, position=position, deadline_s=0.2).stats
        asked = slow.statistics.queries

    assert Reason.TIMEOUT not in stats.fail_open
    assert stats.constrained >= (position == (2, 7))
    assert stats.start_s >= 0.5
    assert stats.start_s + stats.wall_s < 20
    assert again.start_s < 0.1
    assert asked <= 2 + stats.triggers + again.triggers + 2 * 12


def test_the_first_answer_is_not_waited_for_for_ever(file: Path, tmp_path: Path) -> None:
    """The time for it has a limit of its own; behind it, decoding goes on as usual."""
    profile = misbehaving("hang", patience_s=60.0)
    with ServerPool(tmp_path, profiles={"fake": profile}) as hanging:
        stats = complete(file, hanging, deadline_s=0.05, start_timeout_s=0.3).stats

    assert 0.3 <= stats.start_s < 2.0
    assert stats.fail_open[Reason.TIMEOUT] >= 1


def test_strict_raises_instead_of_going_on_unconstrained(file: Path) -> None:
    """For evaluations, where an unnoticed failure would falsify the result."""
    profiles = {"fake": misbehaving("null")}
    with ServerPool(file.parent, profiles=profiles) as failing:
        assert complete(file, failing).stats.fail_open[Reason.EMPTY] >= 1
        with pytest.raises(AnalysisError, match="empty_list"):
            complete(file, failing, strict=True)


@pytest.mark.parametrize("crossing", ["verify", "split"])
def test_both_crossing_policies_constrain(file: Path, pool: ServerPool, crossing: str) -> None:
    """Neither writes a name that is not listed."""
    result = complete(file, pool, temperature=1.0, seed=2, crossing=crossing)

    assert invented_names(file, (2, 7), result.text, pool=pool) == []


def test_without_monitors_nobody_is_asked(file: Path, pool: ServerPool) -> None:
    """Tokens and time are counted all the same."""
    result = complete(file, pool, monitors=False)

    assert pool.statistics.queries == 0
    assert pool.process_ids == ()
    assert result.stats.triggers == 0
    assert 0 < result.stats.tokens <= 12
    assert result.stats.tokens_per_second > 0


def test_without_monitors_typed_text_that_was_healed_is_written_again(
    file: Path, pool: ServerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tokens go on from what the user typed, member or not, and it is not inserted twice."""
    file.write_text(TEXT.replace("y.", "y.al"))
    outputs: list[list[list[int]]] = []
    engine = hf.generate

    def watched(*arguments: Any) -> Any:
        outputs.append(engine(*arguments))
        return outputs[-1]

    monkeypatch.setattr(hf, "generate", watched)
    result = generate(model(), tokenizer(), file, (2, 9), pool=pool, monitors=False)
    [[ids]] = outputs

    written = b"".join(open_index(model(), tokenizer()).bytes_of(i) or b"" for i in ids)
    assert ("al" + result.text) in written.decode("utf-8", "ignore")


@pytest.mark.parametrize("until", ["line", "statement", "function"])
def test_generation_ends_where_it_was_asked_to(file: Path, pool: ServerPool, until: str) -> None:
    """The text is cut there, although a token may reach further."""
    result = complete(file, pool, temperature=1.0, seed=4, until=until, max_new_tokens=40)

    if until == "line":
        assert "\n" not in result.text.strip("\\\n")
    assert result.stats.tokens <= 40


def test_options_that_would_switch_the_monitors_off_are_refused(
    file: Path, pool: ServerPool
) -> None:
    """Instead of generating unconstrained without a word."""
    with pytest.raises(UsageError, match="paged"):
        complete(file, pool, cache_implementation="paged")


def test_a_limit_that_leaves_no_room_for_a_prompt(file: Path, pool: ServerPool) -> None:
    """The context of the model holds both."""
    with pytest.raises(UsageError, match="no room"):
        complete(file, pool, max_new_tokens=128)


def test_a_position_in_the_middle_of_a_name(file: Path, pool: ServerPool) -> None:
    """``y.al|`` goes on with the rest of the name, whose beginning is not repeated."""
    file.write_text(TEXT.replace("y.", "y.al"))
    result = generate(
        *(model(), tokenizer(), file, (2, 9)),
        max_new_tokens=6,
        deadline_s=20.0,
        pool=pool,
    )

    assert result.text.startswith("pha"[: len(result.text)])
    assert result.stats.fail_open == {}


@pytest.mark.parametrize("monitors", [True, False])
def test_a_generation_that_ends_within_the_typed_text_inserts_nothing(
    file: Path, pool: ServerPool, monitors: bool
) -> None:
    """What was typed is there already: ``y.al|`` and the token ``.`` must not give ``y.al.``."""
    file.write_text(TEXT.replace("y.", "y.al"))
    for seed in range(8):
        result = generate(
            *(model(), tokenizer(), file, (2, 9)),
            max_new_tokens=1,
            temperature=1.0,
            seed=seed,
            deadline_s=20.0,
            pool=pool,
            monitors=monitors,
        )

        assert not result.text.startswith((".", "a")), result.text


def test_names_that_do_not_fit_are_no_constraint(file: Path, pool: ServerPool) -> None:
    """``y.zz|``: what the user typed is kept, and the reason is counted."""
    file.write_text(TEXT.replace("y.", "y.zz"))
    result = generate(
        *(model(), tokenizer(), file, (2, 9)),
        max_new_tokens=6,
        deadline_s=20.0,
        pool=pool,
    )

    assert set(result.stats.fail_open) <= {Reason.NO_MATCH, Reason.EMPTY_MASK, Reason.REJECTED}
    assert result.stats.fail_open


def test_an_index_covers_every_logit_of_the_model() -> None:
    """Padded logits are closed; the marks of the middle end a text."""
    index = open_index(model(), tokenizer())

    assert index.size == len(tokenizer()) + 8
    assert tokenizer().eos_token_id in index.end_ids
    assert tokenizer().convert_tokens_to_ids("<|prefix|>") in index.end_ids


@pytest.mark.parametrize("make", [byte_level, sentencepiece_bpe])
def test_models_with_other_tokenizers(file: Path, pool: ServerPool, make: Any) -> None:
    """Without marks for the middle the suffix is left out; the names stay valid."""
    other = wrapped(make(), "</s>" if make is sentencepiece_bpe else "<|endoftext|>")
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=len(other),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=None,
        eos_token_id=other.eos_token_id,
    )
    small = LlamaForCausalLM(config).eval()
    result = generate(
        *(small, other, file, (2, 7)),
        max_new_tokens=8,
        temperature=1.0,
        seed=1,
        deadline_s=20.0,
        pool=pool,
    )

    assert invented_names(file, (2, 7), result.text, pool=pool) == []
    assert result.stats.constrained >= 1


def test_a_tokenizer_without_exact_bytes_is_refused(file: Path, pool: ServerPool) -> None:
    """A mask over it could not be exact."""
    with pytest.raises(ModelError, match="tokenizer"):
        generate(model(), wrapped(wordpiece(), "[UNK]"), file, (2, 7), pool=pool)


def test_a_missing_engine_names_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transformers is an optional dependency."""
    monkeypatch.setitem(sys.modules, "decoding.engines.transformers.model", None)
    monkeypatch.delattr("decoding.engines.transformers.model", raising=False)

    with pytest.raises(ModelError, match=r"pip install 'monitor-guided-decoding\[transformers\]'"):
        load_model(BUNDLED_MODEL)


def test_an_unknown_model_is_not_downloaded() -> None:
    """The message says what a model is."""
    with pytest.raises(ModelError, match=r"no model 'no/such'.*expected a folder"):
        load_model("no/such")


def test_what_was_asked_ahead_is_given_up_at_the_end(
    file: Path, pool: ServerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question of a generation that is over would keep the server from the next one."""
    handles: list[Any] = []
    ask = ServerPool.ask

    def remember(self: ServerPool, query: Any, **options: Any) -> Any:
        handles.append(ask(self, query, **options))
        return handles[-1]

    monkeypatch.setattr(ServerPool, "ask", remember)
    monkeypatch.setattr(hf, "generate", _begin_a_question)
    with pytest.raises(ZeroDivisionError):
        complete(file, pool, start_timeout_s=0)

    assert [handle.cancelled or handle.done() for handle in handles] == [True]


def _begin_a_question(model: Any, prompt: Any, session: Any, is_done: Any, options: Any) -> Any:
    """A generation that asks, and fails before it needs the answer."""
    node = session.root
    for token_id in tokenizer().encode(".", add_special_tokens=False):
        node = session.peek(node, token_id)
    session.prefetch(node)
    raise ZeroDivisionError
