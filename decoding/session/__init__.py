"""One guided text, whatever monitors it has: nodes, questions, deadlines, statistics."""
