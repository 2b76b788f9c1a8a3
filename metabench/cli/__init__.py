"""The console command: argument parsing and wiring only."""

from metabench.cli.main import main

__all__ = ["main"]
