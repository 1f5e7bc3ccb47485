"""Inference engines: one contract, and a module or package for each."""
