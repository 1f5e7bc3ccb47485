"""What to watch for and what may follow: pure state machines, no IO."""
