"""Tests of servers as processes."""
