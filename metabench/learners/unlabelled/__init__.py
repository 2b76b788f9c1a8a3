"""Learners that are trained on images without labels, and embed."""
