"""Tests of engines' adapters."""
