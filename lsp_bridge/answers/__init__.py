"""What a server's answers mean: facts, or the reason why they are none."""
