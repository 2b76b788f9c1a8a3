"""Training distributions of two discrete variables, and transfer distributions for each.

The first variable is the cause. A transfer distribution keeps all but what the `change` names.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp

from metabench.errors import UserError

Change: TypeAlias = Literal["cause", "mechanism", "all"]
"""What a transfer distribution draws anew: p(cause), as in the paper; p(effect | cause); or the
whole joint distribution, which favours neither direction: a control.
"""


def check_change(word: str) -> Change:
    """`word`, if it names a change; else `UserError`."""
    for change in get_args(Change):
        if word == change:
            return change
    raise UserError(f"`change` is {word!r}; it must be one of: {', '.join(get_args(Change))}")


def draw_training(key: jax.Array, categories: int, change: Change) -> jax.Array:
    """The log p(cause, effect) of a training distribution, [n, n].

    p(cause) and each row of p(effect | cause) are drawn evenly from all distributions. Under the
    change `all` the joint distribution is, so that cause and effect are alike.
    """
    if change == "all":
        return _even(key, (categories * categories,)).reshape(categories, categories)
    first, second = jax.random.split(key)
    return _even(first, (categories,))[:, None] + _even(second, (categories, categories))


def draw_transfer(key: jax.Array, joint: jax.Array, change: Change) -> jax.Array:
    """The log p(cause, effect) of a transfer distribution, [n, n], of the training's `joint`."""
    number = len(joint)
    if change == "all":
        return draw_training(key, number, change)
    cause = jax.nn.logsumexp(joint, 1, keepdims=True)
    if change == "cause":
        return _even(key, (number,))[:, None] + joint - cause
    return cause + _even(key, (number, number))


def _even(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Logs of distributions along the last axis: Dirichlet(1, …, 1)."""
    waits = jnp.log(jnp.maximum(jax.random.exponential(key, shape), 1e-30))
    return jax.nn.log_softmax(waits)
