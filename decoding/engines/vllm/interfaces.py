"""What we use of vLLM, imported in one place, so that a release without it says so."""

from decoding.engines.vllm.checks import unsupported

try:
    from vllm.tokenizers import cached_tokenizer_from_config
    from vllm.v1.sample.logits_processor.builtin import process_dict_updates
    from vllm.v1.sample.logits_processor.interface import BatchUpdate
    from vllm.v1.sample.logits_processor.interface import LogitsProcessor as V1Processor
    from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as V2Processor
    from vllm.v1.worker.worker_base import WorkerBase
except ImportError as error:
    raise unsupported() from error

__all__ = [
    "BatchUpdate",
    "V1Processor",
    "V2Processor",
    "WorkerBase",
    "cached_tokenizer_from_config",
    "process_dict_updates",
]
