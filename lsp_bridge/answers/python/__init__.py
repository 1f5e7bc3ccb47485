"""What the sources of Python classes and modules say that no type checker works out."""
