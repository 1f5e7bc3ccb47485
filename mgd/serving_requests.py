"""The former name of `mgd.serving.requests`, in command lines of vLLM: it keeps working."""

from mgd.serving.requests import Middleware

__all__ = ["Middleware"]
