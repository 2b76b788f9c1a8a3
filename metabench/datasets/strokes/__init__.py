"""Drawings made by code of our own, without a download."""
