"""Tests of the adapter for vLLM."""
