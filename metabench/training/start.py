"""Where meta-training starts: the first state, and the classes that episodes are drawn from.

These are mostly the learner's own first state and the true classes. A learner with a `Foundation`
builds on another's embedding: it may keep something of the trained source (`keep`), and it may
construct classes in place of the true ones (`relabel`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from metabench.contracts.learner import Foundation
from metabench.seeds import root_key
from metabench.tasks.class_table import check_fits
from metabench.tasks.host_images import resident
from metabench.types import ClassTable, PyTree, TrainShape


class Start(NamedTuple):
    """Where meta-training starts."""

    state: Callable[[PyTree], PyTree]  # what is made of the learner's first state
    table: ClassTable


def unchanged(state: PyTree) -> PyTree:
    """The learner's first state as it is."""
    return state


def start_from(
    foundation: Foundation | None, source: PyTree, table: ClassTable, shape: TrainShape, seed: int
) -> Start:
    """Construct classes and keep what is needed of the source, where the learner does either.

    Args:
      foundation: of the learner; None where it has none.
      source: the trained state of `foundation.source`; None where there is none.
      table: the true classes, of which the learner is shown the images alone.
      shape: of the training tasks.
      seed: of everything random.

    Raises:
      UserError: tasks of `shape` cannot be drawn from the constructed classes.
    """
    if foundation is None:
        return Start(unchanged, table)
    images, keep = resident(table.images), foundation.keep
    keep_key, table_key = jax.random.split(jax.random.fold_in(root_key(seed), 3))
    if foundation.relabel is not None:
        table = foundation.relabel(source, images, table_key)
        check_fits(table, shape, "the constructed set")
    if keep is None:
        return Start(unchanged, table)
    return Start(lambda state: keep(state, source, images, keep_key), table)
