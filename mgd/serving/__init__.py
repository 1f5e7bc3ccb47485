"""``mgd serve``: vLLM with guided decoding, and what its API server is given."""
