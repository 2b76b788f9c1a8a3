"""The meta-optimizer of learners that are trained by gradient descent, and its options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import optax

from metabench.contracts.options import AtLeast, Count, Options, Rate
from metabench.types import PyTree

Decay = Literal["cosine", "constant"]
S = TypeVar("S", bound=Any)


@dataclass(frozen=True)
class Adam(Options):
    """Options of Adam, whose rate stays or falls to zero along a half cosine.

    Args:
      learning_rate: of Adam, the first rate.
      decay: `cosine` over `steps`, or `constant`.
      steps: length of meta-training, for the decay.
    """

    learning_rate: Rate = 1e-3
    decay: Decay = "cosine"
    steps: Count = 10_000


@dataclass(frozen=True)
class ClippedAdam(Adam):
    """Adam with a limit on its gradients.

    Args:
      clip: largest global norm of a gradient; None for no limit.
    """

    clip: Rate | None = None


@dataclass(frozen=True)
class WarmAdam(ClippedAdam):
    """Clipped Adam whose rate rises first.

    Args:
      warmup: steps over which the rate first rises from zero.
    """

    warmup: Annotated[int, AtLeast(0)] = 0


def adam(options: Adam, *, momentum: float = 0.9) -> optax.GradientTransformation:
    """The optimizer that `options` describe.

    Args:
      options: rate, decay and length, and clipping and warm-up where they have them.
      momentum: decay of the running mean of gradients; adversaries are trained with 0.5
        (Radford, Metz & Chintala 2016).
    """
    warmup, clip = getattr(options, "warmup", 0), getattr(options, "clip", None)
    schedule = (
        optax.cosine_decay_schedule(options.learning_rate, max(options.steps - warmup, 1))
        if options.decay == "cosine"
        else optax.constant_schedule(options.learning_rate)
    )
    if warmup:
        rising = optax.linear_schedule(0.0, options.learning_rate, warmup)
        schedule = optax.join_schedules([rising, schedule], [warmup])
    update = optax.adam(schedule, b1=momentum)
    return update if clip is None else optax.chain(optax.clip_by_global_norm(clip), update)


def descended(
    optimizer: optax.GradientTransformation, state: S, gradient: PyTree, **changed: PyTree
) -> S:
    """`state` after one update of its `params`, with other fields as `changed` says.

    Args:
      optimizer: whose own state is the field `optimizer`.
      state: a NamedTuple with `params` and `optimizer`.
      gradient: like `params`.
      **changed: further fields of `state`.
    """
    updates, moments = optimizer.update(gradient, state.optimizer, state.params)
    params = optax.apply_updates(state.params, updates)
    return state._replace(params=params, optimizer=moments, **changed)
