"""Tests of what Python's classes do not show."""
