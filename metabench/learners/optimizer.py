"""The meta-optimizer of learners that are trained by gradient descent."""

from __future__ import annotations

from typing import Literal, get_args

import optax

from metabench.errors import UserError

Decay = Literal["cosine", "constant"]


def adam(
    learning_rate: float, decay: Decay, steps: int, clip: float | None = None
) -> optax.GradientTransformation:
    """Adam whose rate stays or falls to zero along a half cosine over `steps` steps.

    Args:
      learning_rate: the first rate, positive.
      decay: `cosine` or `constant`.
      steps: length of meta-training.
      clip: largest global norm of a gradient; None for no limit.

    Raises:
      UserError: a rate that is not positive, or another decay.
    """
    if not learning_rate > 0:
        raise UserError(f"`learning_rate` is {learning_rate}; it must be positive")
    if decay not in get_args(Decay):
        raise UserError(f"`decay` is {decay!r}; it must be one of: {', '.join(get_args(Decay))}")
    if clip is not None and not clip > 0:
        raise UserError(f"`clip` is {clip}; it must be positive")
    schedule = (
        optax.cosine_decay_schedule(learning_rate, max(steps, 1))
        if decay == "cosine"
        else learning_rate
    )
    update = optax.adam(schedule)
    return update if clip is None else optax.chain(optax.clip_by_global_norm(clip), update)
