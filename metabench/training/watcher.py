"""Whom a run tells what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax

from metabench.training.loop import Report, Trained
from metabench.types import PyTree


@dataclass(frozen=True)
class Watcher:
    """Whom the run tells what it does. Every part may be left out."""

    training: Callable[[int, Report], None] = lambda seed, report: None
    trained: Callable[[int, Trained], None] = lambda seed, trained: None
    evaluating: Callable[[int, int, int], None] = lambda seed, done, total: None
    note: Callable[[str], None] = lambda text: None


def count(tree: PyTree) -> int:
    """Numbers in the arrays of `tree`."""
    return int(sum(leaf.size for leaf in jax.tree.leaves(tree)))
