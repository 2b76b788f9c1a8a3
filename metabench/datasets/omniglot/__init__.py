"""Omniglot, and the one-shot trials that Lake et al. published with it."""
