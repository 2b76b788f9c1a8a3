"""Samplers of tasks, and the protocols that fix them. No models and no I/O."""
