"""The former name of `mgd.vllm`, in many command lines: it keeps working."""

from decoding.engines.vllm.processor import MonitorLogitsProcessor

__all__ = ["MonitorLogitsProcessor"]
