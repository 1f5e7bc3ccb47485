"""llama.cpp: models in GGUF files, through llama-cpp-python."""
