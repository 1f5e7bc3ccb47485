"""Tests of what judges real code."""
