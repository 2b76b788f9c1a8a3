"""Learners whose task is a set."""
