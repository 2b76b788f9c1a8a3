"""What a learner answers, checked when it is traced: arrays of the right shape, of real numbers.

Of scores in another shape something could be counted, but that would be no accuracy.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from metabench.errors import UserError
from metabench.types import Forecast


def checked_scores(scores: Any, function: str, axes: tuple[str, str], *shape: int) -> jax.Array:
    """`scores` as they are.

    Args:
      scores: what the learner returned.
      function: the learner's, that returned them.
      axes: their names, such as ("queries", "way").
      *shape: what they must have.

    Raises:
      UserError: scores of another shape, or what is no array of real numbers.
    """
    if not _is_real(scores, shape):
        raise UserError(
            f"`{function}` of the learner returned {_described(scores)}; it must return an array "
            f"of real numbers, [{', '.join(axes)}], here {list(shape)}"
        )
    return scores


def checked_forecast(forecast: Any, function: str, points: int) -> Forecast:
    """`forecast` as it is.

    Raises:
      UserError: no `Forecast`, or one whose mean or deviation is not [`points`].
    """
    if not isinstance(forecast, Forecast):
        raise UserError(
            f"`{function}` of the learner returned {_described(forecast)}; it must return a "
            "`Forecast`"
        )
    for name, values in forecast._asdict().items():
        if not _is_real(values, (points,)):
            raise UserError(
                f"`{function}` of the learner returned a `Forecast` whose `{name}` is "
                f"{_described(values)}; it must be an array of real numbers, here [{points}]"
            )
    return forecast


def _is_real(values: Any, shape: tuple[int, ...]) -> bool:
    kind = getattr(values, "dtype", None)
    if kind is None or getattr(values, "shape", None) != shape:
        return False
    return any(jnp.issubdtype(kind, one) for one in (jnp.floating, jnp.integer, jnp.bool_))


def _described(values: Any) -> str:
    kind, shape = getattr(values, "dtype", None), getattr(values, "shape", None)
    if kind is None or shape is None:
        return f"a value of type {type(values).__name__}"
    return f"an array {list(shape)} of {kind}"
