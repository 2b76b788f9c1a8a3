"""Learners that are trained on plain batches of labelled images first."""
