"""Learned optimizers, as optax transformations with weights of their own."""
