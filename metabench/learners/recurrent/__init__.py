"""Learners that read a task as a sequence."""
