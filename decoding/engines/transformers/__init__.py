"""Hugging Face Transformers: a logits processor, and models that generate with it."""
