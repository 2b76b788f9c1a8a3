"""Runs of learned optimizers."""
