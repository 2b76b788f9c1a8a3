"""Recipes (TOML files) and speed benchmarks."""
