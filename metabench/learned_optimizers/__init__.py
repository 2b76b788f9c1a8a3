"""Learned optimizers and the problems that they are trained on."""
