"""Samplers of tasks, and the protocols that fix which tasks are drawn. No networks."""
