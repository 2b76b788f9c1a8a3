"""Readers of file formats. Every one refuses what is damaged or hostile in one sentence."""
