"""From names to masked logits: vocabulary, masks, sessions, and an adapter for each engine."""
