"""Readers of file formats. They refuse damaged and malicious files with one sentence."""
