"""The meta-optimizer of learners that are trained by gradient descent."""

from __future__ import annotations

from typing import Literal, get_args

import optax

from metabench.errors import UserError

Decay = Literal["cosine", "constant"]


def adam(
    learning_rate: float,
    decay: Decay,
    steps: int,
    clip: float | None = None,
    warmup: int = 0,
    *,
    momentum: float = 0.9,
) -> optax.GradientTransformation:
    """Adam whose rate stays or falls to zero along a half cosine over `steps` steps.

    Args:
      learning_rate: the first rate, positive.
      decay: `cosine` or `constant`.
      steps: length of meta-training.
      clip: largest global norm of a gradient; None for no limit.
      warmup: steps over which the rate first rises from zero.
      momentum: decay of the running mean of gradients; adversaries are trained with 0.5
        (Radford, Metz & Chintala 2016).

    Raises:
      UserError: a rate that is not positive, another decay, or a warm-up below 0.
    """
    if not learning_rate > 0:
        raise UserError(f"`learning_rate` is {learning_rate}; it must be positive")
    if decay not in get_args(Decay):
        raise UserError(f"`decay` is {decay!r}; it must be one of: {', '.join(get_args(Decay))}")
    if clip is not None and not clip > 0:
        raise UserError(f"`clip` is {clip}; it must be positive")
    if warmup < 0:
        raise UserError(f"`warmup` is {warmup}; it must be 0 or more")
    schedule = (
        optax.cosine_decay_schedule(learning_rate, max(steps - warmup, 1))
        if decay == "cosine"
        else optax.constant_schedule(learning_rate)
    )
    if warmup:
        rising = optax.linear_schedule(0.0, learning_rate, warmup)
        schedule = optax.join_schedules([rising, schedule], [warmup])
    update = optax.adam(schedule, b1=momentum)
    return update if clip is None else optax.chain(optax.clip_by_global_norm(clip), update)
