"""Drawings made by our own code, without a download."""
