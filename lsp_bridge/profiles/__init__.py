"""What is particular about each language server, as data."""
