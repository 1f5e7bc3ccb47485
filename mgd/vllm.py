"""The name that vLLM is given: ``--logits-processors mgd.vllm:MonitorLogitsProcessor``."""

from decoding.engines.vllm.processor import MonitorLogitsProcessor

__all__ = ["MonitorLogitsProcessor"]
