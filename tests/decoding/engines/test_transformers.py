"""The Transformers adapter with a real (tiny, random) model: every way of decoding, row by row."""

from functools import cache
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from decoding.engines.transformers.processor import MonitorLogitsProcessor, generate
from decoding.session.guide import Guide
from decoding.session.options import Options
from decoding.session.session import Session
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from evaluation.audit import audit
from mgd.models import BUNDLED_MODEL
from monitors.dereference import DereferenceMonitor
from monitors.errors import UsageError
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Reason, Unavailable
from tests.analysts import ScriptedAnalyst, facts, members
from tests.llamas import random_llama

MONITOR = DereferenceMonitor(PYTHON)
ANALYST = ScriptedAnalyst(members({"order": ["total", "items"]}, facts("append", "get")))
PADDED = 24


@cache
def tokenizer() -> Any:
    """The bundled tokenizer, as Transformers loads it."""
    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


@cache
def model(seed: int = 0) -> Any:
    """A random model with more logits than tokens, whose favourite tokens make dereferences."""
    return random_llama(len(tokenizer()) + PADDED, seed)


@cache
def index() -> TokenIndex:
    """Built for the model's logits."""
    return TokenIndex(Vocabulary.from_tokenizer(tokenizer(), size=len(tokenizer()) + PADDED))


class _Eager:
    """Makes dots and names likely."""

    liked = (".", " order", "items", "(", ".get", ".append", ".total", "\n")

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        scores = scores.clone()
        for text in self.liked:
            ids = tokenizer().encode(text, add_special_tokens=False)
            scores[:, ids] += 12
        return scores


def session(prefix: str, answer: object = None) -> Session:
    """A session behind ``prefix``."""
    analyst = ANALYST if answer is None else ScriptedAnalyst(answer)  # type: ignore[arg-type]
    guide = Guide(index(), PYTHON, MONITOR, analyst)
    return Session(guide, Document("python", "/p/a.py", prefix), options=Options())


def ids_of(text: str) -> list[int]:
    """Prompt ids."""
    return list(tokenizer().encode(text, add_special_tokens=False))


def invented(prefix: str, ids: list[int]) -> list[str]:
    """Members in the generated text that do not exist."""
    data = b"".join(index().bytes_of(token_id) or b"" for token_id in ids)
    document = Document("python", "/p/a.py", prefix)
    verdicts = audit(MONITOR, PYTHON, ANALYST.look_up, document, data.decode("utf-8", "replace"))
    return [verdict.name for verdict in verdicts if not verdict.valid]


PROMPT = "def f(order, x):\n    y = order"


def run(prompts: list[str], sessions: list[Session], **options: Any) -> list[list[int]]:
    """Generate for a batch of prompts, padded on the left."""
    encoded = [ids_of(prompt) for prompt in prompts]
    width = max(map(len, encoded))
    rows = [[0] * (width - len(ids)) + ids for ids in encoded]
    mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids in encoded]
    processor = MonitorLogitsProcessor(list(zip(encoded, sessions, strict=True)))
    output = model().generate(
        input_ids=torch.tensor(rows),
        attention_mask=torch.tensor(mask),
        logits_processor=[_Eager(), processor],
        max_new_tokens=24,
        pad_token_id=0,
        **options,
    )
    return [row[width:] for row in output.tolist()]


@pytest.mark.parametrize(
    "options",
    [
        {"do_sample": False},
        {"do_sample": True, "num_return_sequences": 4},
        {"do_sample": True, "num_return_sequences": 3, "top_k": 0, "temperature": 2.0},
        {"do_sample": False, "num_beams": 3, "num_return_sequences": 2},
        {"do_sample": False, "prompt_lookup_num_tokens": 4},
    ],
    ids=["greedy", "samples", "hot", "beams", "lookup"],
)
def test_no_way_of_decoding_invents_a_member(options: dict[str, Any]) -> None:
    """Greedy, sampled, beam search and assisted decoding: all rows keep to the members."""
    torch.manual_seed(1)
    for ids in run([PROMPT], [session(PROMPT)], **options):
        assert invented(PROMPT, ids) == []


def test_without_the_processor_members_are_invented() -> None:
    """The test above can fail: unguided rows do name members that do not exist."""
    torch.manual_seed(1)
    ids = torch.tensor([ids_of(PROMPT)])
    output = model().generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        logits_processor=[_Eager()],
        do_sample=True,
        num_return_sequences=4,
        max_new_tokens=24,
        pad_token_id=0,
    )
    assert any(invented(PROMPT, row[ids.shape[1] :]) for row in output.tolist())


def test_prompts_of_different_lengths_keep_their_own_sessions() -> None:
    """Rows padded on the left are told apart by their prompts."""
    torch.manual_seed(2)
    prompts = [PROMPT, "x = 1\nfor order in range(3):\n    print(order", "z = order"]
    rows = run(prompts, [session(prompt) for prompt in prompts], do_sample=True)

    for prompt, ids in zip(prompts, rows, strict=True):
        assert invented(prompt, ids) == []


def test_a_batch_gives_each_row_what_it_gets_alone() -> None:
    """Guided greedy rows do not depend on their neighbours' constraints."""
    prompts = [PROMPT, "def f(order, z):\n    y = order"]
    together = run(prompts, [session(prompt) for prompt in prompts], do_sample=False)
    alone = [run([prompt], [session(prompt)], do_sample=False)[0] for prompt in prompts]

    assert together == alone


def test_rows_that_nothing_constrains_keep_their_logits() -> None:
    """The very same tensor comes back where no trigger can be reached."""
    inside = 'x = """order'
    processor = MonitorLogitsProcessor([(ids_of(inside), session(inside))])
    scores = torch.randn(1, index().size)
    masked = processor(torch.tensor([ids_of(inside)]), scores)

    same = masked == scores
    closed = torch.isneginf(masked[~same])
    assert closed.all()
    assert all('"' in (index().text_of(int(i)) or "") for i in torch.nonzero(~same[0]))


def test_a_failing_analysis_leaves_the_scores_as_they_are() -> None:
    """Unconstrained, and counted."""
    prompt = "y = order."
    failing = session(prompt, Unavailable(Reason.TIMEOUT))
    processor = MonitorLogitsProcessor([(ids_of(prompt), failing)])
    scores = torch.randn(1, index().size)
    masked = processor(torch.tensor([ids_of(prompt)]), scores)

    assert torch.equal(masked, scores)
    assert failing.statistics.fail_open[Reason.TIMEOUT] == 1


def test_an_empty_mask_is_released_and_counted() -> None:
    """If other processors closed every member, the row goes unconstrained."""
    prompt = "y = order."
    guided = session(prompt)
    processor = MonitorLogitsProcessor([(ids_of(prompt), guided)])
    scores = torch.full((1, index().size), -torch.inf)
    only = ids_of("nonsense")[0]
    scores[0, only] = 1.0
    masked = processor(torch.tensor([ids_of(prompt)]), scores)

    assert int(masked.argmax()) == only
    assert guided.statistics.fail_open[Reason.EMPTY_MASK] == 1


def test_white_space_behind_an_operator_is_legal_and_discouraged() -> None:
    """A blank before the name pays a penalty, so that a masked favourite does not lead there."""
    prompt = "y = order."
    processor = MonitorLogitsProcessor([(ids_of(prompt), session(prompt))])
    [blank], [name] = ids_of(" "), ids_of("items")
    scores = torch.zeros(1, index().size)
    masked = processor(torch.tensor([ids_of(prompt)]), scores)

    assert masked[0, name] == 0
    assert masked[0, blank] == -Options().blank_penalty


def expecting(name: str) -> Session:
    """A session of the same text in another file, in which only ``name`` may follow."""
    return session("y = order.", facts(name))


@pytest.mark.parametrize("rows", [2, 6], ids=["alone", "samples or beams"])
def test_equal_prompts_of_different_files_keep_their_own_sessions(rows: int) -> None:
    """Rows that are those of the prompts in their order belong to them by their place."""
    ids = ids_of("y = order.")
    processor = MonitorLogitsProcessor([(ids, expecting("alpha")), (ids, expecting("beta"))])
    padded = torch.tensor([[0, *ids]] * rows)[:, 1:]
    masked = processor(padded, torch.zeros(rows, index().size))
    allowed = [
        [name for name in ("alpha", "beta") if masked[row, ids_of(name)[0]] == 0]
        for row in range(rows)
    ]

    assert allowed == [["alpha"]] * (rows // 2) + [["beta"]] * (rows // 2)


def test_beams_of_equal_prompts_change_places_among_their_own() -> None:
    """Each goes on from the row that it continues, in its own file."""
    ids, [name] = ids_of("y = order"), ids_of(".")
    processor = MonitorLogitsProcessor(
        [(ids, session("y = order", facts(each))) for each in ("alpha", "beta")]
    )
    processor(torch.tensor([ids] * 4), torch.zeros(4, index().size))
    masked = processor(torch.tensor([[*ids, name]] * 4), torch.zeros(4, index().size))

    assert [bool(masked[row, ids_of("alpha")[0]] == 0) for row in range(4)] == [
        True,
        True,
        False,
        False,
    ]


def test_equal_prompts_that_places_do_not_tell_apart_are_refused() -> None:
    """One row for two prompts may be of either file."""
    ids = ids_of("y = order.")
    processor = MonitorLogitsProcessor([(ids, expecting("alpha")), (ids, expecting("beta"))])
    with pytest.raises(UsageError, match=r"2 prompts with the same token ids .*in the order"):
        processor(torch.tensor([ids]), torch.zeros(1, index().size))


def test_prompts_in_another_order_than_the_rows_are_found_by_their_ids() -> None:
    """As long as they differ."""
    one, two = "y = order.", "zz = x = order."
    processor = MonitorLogitsProcessor(
        [(ids_of(two), session(two, facts("alpha"))), (ids_of(one), session(one, facts("beta")))]
    )
    width = max(len(ids_of(one)), len(ids_of(two)))
    rows = [[0] * (width - len(ids_of(each))) + ids_of(each) for each in (one, two)]
    masked = processor(torch.tensor(rows), torch.zeros(2, index().size))

    assert [bool(row[ids_of("beta")[0]] == 0) for row in masked] == [True, False]


def test_a_closed_processor_has_given_its_questions_up() -> None:
    """What was asked ahead when generation ended."""
    analyst = ScriptedAnalyst(facts("a"))
    guide = Guide(index(), PYTHON, MONITOR, analyst)
    prompt = "order.x\norder.y\nz = order"
    guided = Session(guide, Document("python", "/p/a.py", prompt))
    with MonitorLogitsProcessor([(ids_of(prompt), guided)]) as processor:
        processor.sampled(torch.tensor([ids_of(prompt)]))
        assert [ticket.cancelled for ticket in analyst.tickets] == [False]

    assert [ticket.cancelled for ticket in analyst.tickets] == [True]


def test_a_row_with_an_unknown_prompt_is_refused() -> None:
    """The message says what to pad and how."""
    processor = MonitorLogitsProcessor([(ids_of(PROMPT), session(PROMPT))])
    with pytest.raises(UsageError, match="padding_side"):
        processor(torch.tensor([ids_of("other text entirely, of no less length than that")]), None)


def test_options_that_would_drop_the_processor_are_refused() -> None:
    """Paged caches ignore logits processors without a word."""
    with pytest.raises(UsageError, match="paged"):
        generate(
            model(), [1], session(PROMPT), lambda ids: False, {"cache_implementation": "paged"}
        )
