"""What must hold before vLLM starts with the processor; else the constraint would vanish."""

from importlib.metadata import entry_points
from typing import Any

from vllm import __version__

from decoding.engines.vllm.request import PROCESSOR, PROCESSORS
from monitors.errors import UsageError

SUPPORTED = ("0.32", "0.33")
_GROUP = "vllm.logits_processors"


def check_version(version: str = __version__) -> None:
    """Raise `UsageError` for a release of vLLM whose interfaces are not known to fit."""
    if ".".join(version.split(".")[:2]) not in SUPPORTED:
        raise unsupported(version)


def unsupported(version: str = __version__) -> UsageError:
    """The error for a release that does not fit."""
    return UsageError(
        f"got vLLM {version}; expected {' or '.join(f'{each}.x' for each in SUPPORTED)}: "
        "install one of these, or a newer monitor-guided-decoding"
    )


def check_entry_points() -> None:
    """Raise `UsageError` if the processor is installed as a plug-in of vLLM.

    It would be loaded twice where it is also named; where it is not, V1 shows it placeholders
    instead of tokens, and drops it without a word under speculative decoding.
    """
    ours = [each for each in entry_points(group=_GROUP) if each.value in PROCESSORS]
    if ours:
        raise UsageError(
            f"{PROCESSOR} is registered under the entry points {_GROUP!r} ({ours[0].name}), with "
            "which constraints get lost; uninstall what registers it, and name it instead: "
            f"--logits-processors {PROCESSOR}"
        )


def check_config(config: Any, is_v1: bool) -> None:
    """Raise `UsageError` if nothing would be constrained with this configuration of vLLM."""
    model = config.model_config
    if model.runner_type == "pooling":
        raise UsageError(
            "got a pooling model, which generates nothing; leave out --logits-processors"
        )
    if is_v1 and config.speculative_config is not None:
        raise UsageError(
            "got speculative decoding with vLLM's V1 model runner, which ignores logits "
            "processors; leave out --speculative-config, or use Model Runner V2 "
            "(VLLM_USE_V2_MODEL_RUNNER=1)"
        )
    named = [each for each in model.logits_processors or () if is_ours(each)]
    if len(named) > 1:
        raise UsageError(f"got {PROCESSOR} {len(named)} times; name it once")
    if model.skip_tokenizer_init:
        raise UsageError(
            "got --skip-tokenizer-init; masks need the tokenizer's vocabulary: leave it out"
        )


def is_ours(processor: str | type) -> bool:
    """Whether a processor in vLLM's configuration is ours."""
    if isinstance(processor, str):
        return processor in PROCESSORS
    return f"{processor.__module__}:{processor.__qualname__}" in PROCESSORS
