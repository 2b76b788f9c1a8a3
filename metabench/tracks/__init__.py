"""Kinds of runs, each from a plan to a result document. No track imports another."""
