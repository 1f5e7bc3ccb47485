"""What judges real code, and what a model has made of it."""
