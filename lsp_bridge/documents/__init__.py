"""What is sent to a server: texts, positions, and the repair of unfinished code."""
