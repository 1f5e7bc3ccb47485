"""Resumable, error-tolerant lexers, and the tables that they read with."""
