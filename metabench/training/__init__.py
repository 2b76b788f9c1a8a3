"""The training loop, its lengths and checkpoints, and whoever watches."""
