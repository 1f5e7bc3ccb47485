"""vLLM: a logits processor inside its workers, for both of its runners."""
