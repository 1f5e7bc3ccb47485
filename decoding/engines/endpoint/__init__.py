"""An OpenAI-compatible endpoint of somebody else, guided from outside."""
