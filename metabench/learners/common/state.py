"""The state of learners in meta-training, and what they keep of a support set."""

from __future__ import annotations

from typing import NamedTuple

from metabench.types import PyTree


class State(NamedTuple):
    """The state in meta-training."""

    params: PyTree
    stats: PyTree
    optimizer: PyTree


class Task(NamedTuple):
    """A classifier of the episode's classes."""

    weights: PyTree
    stats: PyTree
