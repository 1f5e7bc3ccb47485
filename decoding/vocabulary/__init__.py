"""Tokens as bytes, and which of them may come next: an index of the vocabulary, packed masks."""
