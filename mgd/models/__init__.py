"""Models that come with the package."""

from pathlib import Path

BUNDLED_MODEL = str(Path(__file__).parent / "python")
"""Folder of the small code model for Python, in Transformers' format."""
