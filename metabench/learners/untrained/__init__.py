"""Learners without meta-training."""
