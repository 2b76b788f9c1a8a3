"""Entries: what a submitter hands in. How one is made, read without running its code, verified."""
