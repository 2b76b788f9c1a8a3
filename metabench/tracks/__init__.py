"""Kinds of runs, each from plan to document. No track imports another."""
