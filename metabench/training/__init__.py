"""The training loop, its lengths and checkpoints, what it starts from, and its observers."""
