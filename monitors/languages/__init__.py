"""Programming languages as monitors see them: one resumable lexer each."""
