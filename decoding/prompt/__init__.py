"""Files and positions, the prompt that is made of them, and where a completion ends."""
