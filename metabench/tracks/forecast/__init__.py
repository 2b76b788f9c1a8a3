"""Runs that forecast functions."""
