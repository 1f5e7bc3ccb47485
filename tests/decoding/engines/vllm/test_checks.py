"""Start-up fails, with the reason and the remedy, wherever the constraint would vanish."""

import importlib
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from decoding.engines.vllm.request import PROCESSOR, PROCESSORS
from monitors.errors import UsageError
from tests.engines import vllm

if vllm:  # behind the check that it is there
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.sample.logits_processor import build_logitsprocs

    from decoding.engines.vllm import checks as vllm_checks
    from decoding.engines.vllm.checks import (
        check_config,
        check_entry_points,
        check_version,
        is_ours,
    )
    from decoding.engines.vllm.processor import MonitorLogitsProcessor
    from mgd.models import BUNDLED_MODEL

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def config() -> Any:
    """An engine's configuration for the bundled model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *args, **options: None)
        return EngineArgs(model=str(BUNDLED_MODEL)).create_engine_config()


def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the processor as a plug-in."""
    point = EntryPoint("mgd", PROCESSOR, "vllm.logits_processors")
    monkeypatch.setattr(vllm_checks, "entry_points", lambda group: EntryPoints([point]))


@pytest.mark.parametrize("version", ["0.32.0", "0.32.1+cpu", "0.33.0rc1", vllm.__version__])
def test_tried_releases_are_accepted(version: str) -> None:
    """Whatever they were built for."""
    check_version(version)


@pytest.mark.parametrize("version", ["0.31.9", "0.34.0", "1.32.0", "0.3.2", "dev"])
def test_other_releases_are_refused(version: str) -> None:
    """The message names those that fit."""
    with pytest.raises(UsageError, match=r"0\.32\.x or 0\.33\.x"):
        check_version(version)


def test_a_release_without_our_interfaces_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than that some module is missing."""
    monkeypatch.setitem(sys.modules, "vllm.v1.worker.gpu.sample.logits_processor", None)
    monkeypatch.delitem(sys.modules, "decoding.engines.vllm.interfaces")
    with pytest.raises(UsageError, match="install one of these"):
        __import__("decoding.engines.vllm.interfaces")


def test_entry_points_are_refused(monkeypatch: pytest.MonkeyPatch, config: Any) -> None:
    """At start-up, and at the admission of guided requests, should start-up not have met us."""
    check_entry_points()
    registered(monkeypatch)
    with pytest.raises(UsageError, match="uninstall"):
        MonitorLogitsProcessor(config, torch.device("cpu"), False)
    MonitorLogitsProcessor.validate_params(vllm.SamplingParams())
    with pytest.raises(UsageError, match="uninstall"):
        MonitorLogitsProcessor.validate_params(vllm.SamplingParams(extra_args={"mgd": "{}"}))


def test_v1_loads_it_by_name(config: Any) -> None:
    """Among those that may change the likeliest token."""
    loaded = build_logitsprocs(config, torch.device("cpu"), False, False, [PROCESSOR])
    mine = [each for each in loaded.non_argmax_invariant if is_ours(type(each))]

    assert len(mine) == 1
    assert mine[0].index.size == config.model_config.get_vocab_size()


def configured(config: Any, **changes: Any) -> Any:
    """A configuration with some parts replaced."""
    model = {
        "runner_type": "generate",
        "logits_processors": [PROCESSOR],
        "skip_tokenizer_init": False,
    }
    of_model = {key: changes.pop(key, value) for key, value in model.items()}
    whole = {"speculative_config": None} | changes
    return SimpleNamespace(model_config=SimpleNamespace(**of_model), **whole)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "speculative": ({"speculative_config": object()}, "VLLM_USE_V2_MODEL_RUNNER=1"),
    "pooling": ({"runner_type": "pooling"}, "pooling model"),
    "twice": ({"logits_processors": ["mgd.vllm:MonitorLogitsProcessor"] * 2}, "name it once"),
    "no tokenizer": ({"skip_tokenizer_init": True}, "leave it out"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_configurations_without_constraints_are_refused(config: Any, case: str) -> None:
    """With what to change."""
    changes, message = REFUSED[case]
    with pytest.raises(UsageError, match=message):
        check_config(configured(config, **changes), is_v1=True)


def test_speculative_decoding_is_fine_with_the_other_runner(config: Any) -> None:
    """Model Runner V2 shows each draft its own row."""
    check_config(configured(config, speculative_config=object()), is_v1=False)
    check_config(config, is_v1=True)


def test_vllm_itself_refuses_speculative_decoding_and_pooling(config: Any) -> None:
    """As long as the processor is named: our own checks are for the day it does not."""
    changed = configured(config, speculative_config=object())
    for arguments in ((changed, False), (config, True)):
        with pytest.raises(ValueError, match=r"(?i)not support"):
            build_logitsprocs(arguments[0], torch.device("cpu"), False, arguments[1], [PROCESSOR])


def test_two_ways_to_name_it_are_known(tmp_path: Path) -> None:
    """By text and by class."""
    assert is_ours(PROCESSOR)
    assert is_ours(MonitorLogitsProcessor)
    assert not is_ours("other:Thing")


@pytest.mark.parametrize("name", sorted(PROCESSORS))
def test_every_name_that_users_may_type_is_the_processor(name: str) -> None:
    """``decoding.vllm`` stands in command lines that were written before `mgd.vllm`."""
    module, _, attribute = name.partition(":")

    assert getattr(importlib.import_module(module), attribute) is MonitorLogitsProcessor
    assert is_ours(name)
