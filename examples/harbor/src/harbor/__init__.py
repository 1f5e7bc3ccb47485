"""Berths, vessels and tariffs of a small harbour."""
