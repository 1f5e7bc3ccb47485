"""vLLM for tests: importing this skips the module where it is not installed, and says how to."""

import importlib
import os
import warnings
from typing import Any

import pytest

HINT = "pip install 'monitor-guided-decoding[vllm]' (docs/serving.md)"

if "CI" not in os.environ:  # there everything has to be installed
    pytest.importorskip("vllm", reason=HINT)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM and what it imports warn of their own future
    vllm = importlib.import_module("vllm")
    for _name in ("LLM", "SamplingParams"):
        getattr(vllm, _name)
    importlib.import_module("vllm.exceptions")
    importlib.import_module("decoding.engines.vllm.generate")


def close(llm: Any) -> None:
    """End an engine and its processes."""
    client = llm.llm_engine.engine_core
    client.shutdown()
    client.ctx.destroy(linger=0)
