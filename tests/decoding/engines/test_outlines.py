"""The processor for Outlines with a real (tiny, random) model of Transformers."""

import json
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import outlines
import pytest
import torch
from outlines.types import CFG, JsonSchema, Regex
from transformers import AutoTokenizer

from decoding.engines.outlines import MonitorOutlinesProcessor, open_outlines
from decoding.engines.transformers.model import open_index
from decoding.session.guide import Guide
from decoding.session.options import Options
from evaluation.audit import audit
from lsp_bridge import ServerPool
from mgd.models import BUNDLED_MODEL
from monitors.dereference import DereferenceMonitor
from monitors.errors import UsageError
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Reason
from tests.analysts import ScriptedAnalyst, facts, members
from tests.fakes import misbehaving
from tests.llamas import random_llama

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
MONITOR = DereferenceMonitor(PYTHON)
ANALYST = ScriptedAnalyst(members({"order": ["total", "items"]}, facts("append", "get")))
PROMPT = "def f(order, x):\n    y = order"
LIKED = (".", " order", "items", "(", ".get", ".append", ".total", "\n")
NAME = Regex(r"\.[a-z]{1,8}\(\)")
BACKEND = "llguidance"
"""The other one, `outlines_core`, compiles its kernels for half a minute."""


@cache
def steerable() -> Any:
    """A random model with more logits than tokens, as Outlines has it."""
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED_MODEL)
    model = random_llama(len(tokenizer) + 24, seed=0)
    model.generation_config.pad_token_id = 0
    return outlines.from_transformers(model, tokenizer)


@cache
def guide() -> Guide:
    """Whose questions are answered by the text before the operator."""
    index = open_index(steerable().model, steerable().hf_tokenizer)
    return Guide(index, PYTHON, MONITOR, ANALYST)


def document(prefix: str = PROMPT) -> Document:
    """The file before the cursor."""
    return Document("python", "/p/a.py", prefix)


def processor(**settings: Any) -> MonitorOutlinesProcessor:
    """For one document, or those in ``settings``."""
    return MonitorOutlinesProcessor(
        steerable(), guide(), settings.pop("documents", document()), **settings
    )


def generated(made: MonitorOutlinesProcessor | None, **settings: Any) -> Any:
    """What Outlines generates behind the prompt, with dots and names made likely."""
    liked = {
        tuple(steerable().hf_tokenizer.encode(each, add_special_tokens=False)) for each in LIKED
    }
    settings = {"max_new_tokens": 24, "do_sample": True} | settings
    settings["sequence_bias"] = {ids: 12.0 for ids in liked if len(ids) == 1}
    return outlines.Generator(steerable(), processor=made)(PROMPT, **settings)


def invented(text: str, prefix: str = PROMPT) -> list[str]:
    """Members in the generated text that do not exist."""
    verdicts = audit(MONITOR, PYTHON, ANALYST.look_up, document(prefix), text)
    return [verdict.name for verdict in verdicts if not verdict.valid]


@pytest.mark.parametrize(
    "settings",
    [
        {"do_sample": False},
        {"num_return_sequences": 4},
        {"num_return_sequences": 3, "top_k": 0, "temperature": 2.0},
        {"do_sample": False, "num_beams": 3, "num_return_sequences": 2},
    ],
    ids=["greedy", "samples", "hot", "beams"],
)
def test_no_way_of_decoding_invents_a_member(settings: dict[str, Any]) -> None:
    """Alone, every row keeps to the members."""
    torch.manual_seed(1)
    texts = generated(processor(), **settings)

    for text in [texts] if isinstance(texts, str) else texts:
        assert invented(text) == []


def test_without_the_processor_members_are_invented() -> None:
    """The test above can fail."""
    torch.manual_seed(1)
    texts = generated(None, num_return_sequences=4)

    assert any(invented(text) for text in texts)


def test_every_generation_begins_anew() -> None:
    """One processor, one generator, several calls; figures are those of the last one."""
    made = processor()
    first = generated(made, do_sample=False)
    counted = made.statistics[0].tokens

    assert generated(made, do_sample=False) == first
    assert made.statistics[0].tokens == counted > 0


def test_each_prompt_of_a_batch_has_its_document() -> None:
    """Rows padded on the left, in the order of the prompts."""
    torch.manual_seed(2)
    prompts = [PROMPT, "x = 1\nfor order in range(3):\n    print(order"]
    made = processor(documents=[document(prompt) for prompt in prompts])
    texts = outlines.Generator(steerable(), processor=made).batch(
        prompts, max_new_tokens=24, do_sample=True, num_return_sequences=3
    )

    assert len(made.statistics) == 2
    for prompt, samples in zip(prompts, texts, strict=True):
        assert [invented(text, prompt) for text in samples] == [[]] * 3


def test_an_output_type_and_the_members_hold_together() -> None:
    """The intersection: the expression alone would let the model invent a name."""
    torch.manual_seed(3)
    alone = outlines.Generator(steerable(), NAME, BACKEND)
    free = [alone(PROMPT, max_new_tokens=24, do_sample=True) for _ in range(5)]
    made = processor(output_type=NAME, backend=BACKEND)
    texts = [generated(made, top_k=0) for _ in range(5)]

    assert any(invented(text) for text in free)
    for text in texts:
        assert re.fullmatch(r"\.(total|items)\(\)", text)
    assert not made.statistics[0].fail_open


@pytest.mark.slow
def test_the_default_back_end_does_it_too() -> None:
    """`outlines_core`, whose kernels change the logits in place."""
    torch.manual_seed(3)
    text = generated(processor(output_type=NAME), top_k=0)

    assert re.fullmatch(r"\.(total|items)\(\)", text)


def test_where_nothing_fits_both_the_output_type_wins() -> None:
    """And it is counted."""
    made = processor(output_type=Regex(r"\.nonsense\(\)"), backend=BACKEND)

    assert generated(made, top_k=0) == ".nonsense()"
    assert made.statistics[0].fail_open[Reason.EMPTY_MASK] > 0


def test_json_schemas_and_grammars_are_output_types_too() -> None:
    """Both through Outlines' own back-ends."""
    schema = JsonSchema('{"enum": ["alpha", "beta"]}')
    text = generated(processor(output_type=schema, backend=BACKEND), top_k=0)
    grammar = CFG('start: "." NAME "()"\nNAME: /[a-z]{1,8}/\n')
    code = generated(processor(output_type=grammar), top_k=0)

    assert json.loads(text) in ("alpha", "beta")
    assert re.fullmatch(r"\.(total|items)\(\)", code)


def test_models_without_steps_are_refused() -> None:
    """Only Transformers and llama.cpp let a processor at their logits."""
    with pytest.raises(UsageError, match=r"got a SimpleNamespace; expected a model of outlines"):
        MonitorOutlinesProcessor(SimpleNamespace(tensor_library_name="mlx"), guide(), document())


@pytest.mark.parametrize(
    ("options", "draft", "message"),
    [(Options(strict=True), None, "strict=True"), (Options(), object(), "draft_model")],
    ids=["strict", "draft"],
)
def test_what_llama_cpp_would_swallow_is_refused(
    options: Options, draft: object, message: str
) -> None:
    """Exceptions, and what was drafted."""
    model = SimpleNamespace(tensor_library_name="numpy", model=SimpleNamespace(draft_model=draft))
    with pytest.raises(UsageError, match=message):
        MonitorOutlinesProcessor(model, guide(), document(), options=options)


def test_rows_without_a_document_are_refused() -> None:
    """One document for each prompt."""
    made = processor(documents=[document(), document("x = order")])
    with pytest.raises(UsageError, match="1 rows for 2 documents"):
        generated(made)


def test_documents_of_several_languages_are_refused(tmp_path: Path) -> None:
    """One guide is for one language."""
    with ServerPool(tmp_path, profiles={"fake": misbehaving("none")}) as pool:
        both = [document(), Document("rust", "/p/a.rs", "")]
        with pytest.raises(UsageError, match=r"\['python', 'rust'\]"):
            open_outlines(steerable(), both, pool)


def test_a_pool_answers(tmp_path: Path) -> None:
    """The scripted server lists the words of the first line, and ``open_1``."""
    prompt = "# alpha beta\nx = y"
    with ServerPool(tmp_path, profiles={"fake": misbehaving("none")}) as pool:
        place = Document("python", str(tmp_path / "a.py"), prompt)
        options = Options(deadline_s=20.0)
        with open_outlines(
            steerable(), place, pool, output_type=NAME, backend=BACKEND, options=options
        ) as made:
            text = outlines.Generator(steerable(), processor=made)(prompt, max_new_tokens=24)

    assert re.fullmatch(r"\.(alpha|beta)\(\)", text)
