"""What meta-training begins from: the first state, and the classes that episodes are drawn from.

Mostly the learner's own first state and the true classes; a learner may build on another's
embedding (`source`, `build_on`) and construct classes of its own (`relabel`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from metabench.contracts.learner import Learner
from metabench.seeds import root_key
from metabench.tasks.class_table import check_fits
from metabench.types import ClassTable, PyTree, TrainShape


class Beginning(NamedTuple):
    """What meta-training begins from."""

    start: Callable[[PyTree], PyTree]  # what is made of the learner's first state
    table: ClassTable


def beginning(
    learner: Learner, source: PyTree, table: ClassTable, shape: TrainShape, seed: int
) -> Beginning:
    """Construct classes, where the learner does; its `source` is trained by now.

    Args:
      learner: any.
      source: the trained state of `learner.source`; None where it has none.
      table: the true classes, of which `learner` is shown the images alone.
      shape: of the training tasks.
      seed: of everything random.

    Raises:
      UserError: tasks of `shape` cannot be drawn from the constructed classes.
    """
    images = table.images
    start_key, table_key = jax.random.split(jax.random.fold_in(root_key(seed), 3))
    if learner.relabel is not None:
        table = learner.relabel(source, images, table_key)
        check_fits(table, shape, "the constructed set")

    def start(state: PyTree) -> PyTree:
        if learner.build_on is None:
            return state
        return learner.build_on(state, source, images, start_key)

    return Beginning(start, table)
