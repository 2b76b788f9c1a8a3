"""Episodes that a dataset gives instead of drawn ones: Lake's one-shot trials.

Every group of classes (a run) is one episode. The first drawing of each class is its
support and the others are queries. Which person drew which drawing is part of the published
task, so supports and queries are never exchanged. Lake, Salakhutdinov & Tenenbaum, Science
350 (2015).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from metabench.seeds import root_key
from metabench.tasks.class_table import alphabet_of
from metabench.tasks.draws import choose, interleave, words_needed
from metabench.types import ClassTable, Dataset, Indices

SHOT = 1


def with_trials(table: ClassTable, dataset: Dataset) -> ClassTable:
    """`table` with one episode for each of its groups, labels permuted and queries shuffled.

    Args:
      table: of one part without rotations; all groups have equally many classes, all
        classes equally many drawings.
      dataset: the dataset that `table` was made from.
    """
    names = [dataset.class_names[number] for number in np.asarray(table.class_ids)]
    groups: dict[str | None, list[int]] = {}
    for row, name in enumerate(names):
        groups.setdefault(alphabet_of(name), []).append(row)
    rows = jnp.array(list(groups.values()), jnp.int32).T  # [way, episodes]
    return table._replace(fixed=_indices(table, rows))


def _indices(table: ClassTable, rows: jax.Array) -> Indices:
    (way, number), drawings = rows.shape, table.members.shape[1]
    total = way * (drawings - SHOT)
    parts = (words_needed(way, way), words_needed(total, total))
    words = jax.random.bits(root_key(0), (sum(parts), number), jnp.uint32)
    order = choose(words[: parts[0]], jnp.full(number, way, jnp.int32), way, way)
    classes = jnp.take_along_axis(rows, order, axis=0)
    query_y, before = interleave(words[parts[0] :], way, drawings - SHOT)
    of_query = jnp.take_along_axis(classes, query_y, axis=0)
    return Indices(
        classes=classes.T,
        support=table.members[classes.T, :SHOT].reshape(number, -1),
        support_y=jnp.tile(jnp.repeat(jnp.arange(way, dtype=jnp.int32), SHOT), (number, 1)),
        query=table.members[of_query, SHOT + before].T,
        query_y=query_y.T,
    )
