"""Training episodes that differ from the test's: more classes, other shots."""

from __future__ import annotations

from dataclasses import replace

from metabench.errors import UserError
from metabench.types import EpisodeShape


def training_shape(
    shape: EpisodeShape, way: int | None, shot: int | None, query: int | None
) -> EpisodeShape | None:
    """`shape` with what is not None replaced; None where that changes nothing.

    Raises:
      UserError: a number below 1.
    """
    changes = {"way": way, "shot": shot, "query": query}
    for name, value in changes.items():
        if value is not None and value < 1:
            raise UserError(f"`train_{name}` is {value}; it must be at least 1")
    changed = replace(
        shape,
        way=way or shape.way,
        shot=shot or shape.shot,
        query=query or shape.query,
    )
    return None if changed == shape else changed
