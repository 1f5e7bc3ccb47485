"""Speed, recall and soundness as numbers that anyone can re-run: ``python -m benchmarks``."""
