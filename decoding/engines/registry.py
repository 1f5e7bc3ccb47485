"""Every engine by its name: whose model is whose, and what it takes to open or load one."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from decoding.engines.engine import Engine
from monitors.errors import ModelError, UsageError


def _is_a(module: str, name: str) -> Callable[[Any], bool]:
    """Whether a model is an instance; it cannot be if nobody has imported its class."""

    def check(model: Any) -> bool:
        kind = getattr(sys.modules.get(module), name, None)
        return kind is not None and isinstance(model, kind)

    return check


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineKind:
    """One engine. Its module is imported on first use, and has ``opened`` and ``load``."""

    name: str
    title: str
    module: str
    owns: Callable[[Any], bool]
    """Whether a model is one of this engine's."""
    install: str
    """What installs it, for the message when it is missing."""
    asks_here: bool = True
    """Whether this process asks the language servers."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that are set, unless they are, before the engine is imported to load a model."""
    loads: Callable[[str], bool] = lambda name: False
    """Whether a model's name alone says that it is this engine's."""

    def opened(self, model: Any, tokenizer: Any) -> AbstractContextManager[Engine]:
        """The engine with a model, for one completion. Raises `ModelError`."""
        return self._module().opened(model, tokenizer)  # type: ignore[no-any-return]

    def load(self, name: str, device: str | None) -> tuple[Any, Any]:
        """Model and tokenizer from this machine only. Raises `ModelError`."""
        for name_of_variable, value in self.environment.items():
            os.environ.setdefault(name_of_variable, value)
        return self._module().load(name, device)  # type: ignore[no-any-return]

    def _module(self) -> Any:
        try:
            return import_module(self.module)
        except ImportError as error:
            raise ModelError(f"{self.title} need {error.name}; {self.install}") from error


ENGINES = (
    EngineKind(
        name="vllm",
        title="models in vLLM",
        module="decoding.engines.vllm.generate",
        owns=_is_a("vllm", "LLM"),
        install=(
            "pip install 'monitor-guided-decoding[vllm]' on a machine without a GPU "
            "(docs/serving.md), vllm itself with one"
        ),
        asks_here=False,
        environment={
            "VLLM_LOGGING_LEVEL": "ERROR",
            "VLLM_LOGGING_STREAM": "ext://sys.stderr",
            "HF_HUB_OFFLINE": "1",
        },
    ),
    EngineKind(
        name="endpoint",
        title="endpoints",
        module="decoding.engines.endpoint.connection",
        owns=_is_a("decoding.engines.endpoint.connection", "Endpoint"),
        install="pip install monitor-guided-decoding",
    ),
    EngineKind(
        name="llama_cpp",
        title="GGUF files",
        module="decoding.engines.llama_cpp.model",
        owns=_is_a("llama_cpp", "Llama"),
        install="pip install 'monitor-guided-decoding[llama-cpp]'",
        loads=lambda name: name.lower().endswith(".gguf"),
    ),
    EngineKind(
        name="transformers",
        title="Transformers models",
        module="decoding.engines.transformers.model",
        owns=lambda model: True,
        install="pip install 'monitor-guided-decoding[transformers]'",
    ),
)
"""The first one that owns a model completes with it."""
LOADED = tuple(kind.name for kind in ENGINES if kind.name != "endpoint")
"""Engines whose models are on this machine."""


def kind_of(model: Any) -> EngineKind:
    """The engine of a model."""
    return next(kind for kind in ENGINES if kind.owns(model))


def named(name: str) -> EngineKind:
    """The engine of that name that runs models on this machine. Raises `UsageError`."""
    found = next((kind for kind in ENGINES if kind.name == name and name in LOADED), None)
    if found is None:
        raise UsageError(f"got the engine {name!r}; expected one of {', '.join(LOADED)}")
    return found


def for_name(model: str) -> EngineKind:
    """The engine that a model's name or file is for; Transformers unless the name says else."""
    return next((kind for kind in ENGINES if kind.loads(model)), named("transformers"))
