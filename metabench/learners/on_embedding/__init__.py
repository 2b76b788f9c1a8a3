"""Learners that build on another learner's embedding."""
