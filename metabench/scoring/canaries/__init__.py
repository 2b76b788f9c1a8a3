"""Checks with known answers on test tasks: shuffled labels must lead to chance, and so on."""
