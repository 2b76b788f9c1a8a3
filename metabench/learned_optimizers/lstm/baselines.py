"""The hand-designed optimizers that learned ones are compared with, from optax.

Each has a rate and up to one more hyperparameter, all of them tuned. Those whose rate falls
linearly to 0 over the run are further ones, which the paper does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import jax
import optax

Rate: TypeAlias = float | jax.Array
"""A learning rate; it may be an array of a compiled program."""


class Baseline(NamedTuple):
    """A family of optimizers."""

    make: Callable[[Rate, Rate, int], optax.GradientTransformation]
    """`make(rate, second hyperparameter, steps of the run)`."""
    second: str | None = None
    """The name of the second hyperparameter."""
    values: tuple[float, ...] = (0.0,)
    """Its values, the usual one first."""
    falls: bool = False
    """Whether the optimizer depends on the number of steps of the run."""


def sgd(rate: Rate) -> optax.GradientTransformation:
    """Gradient descent."""
    return optax.sgd(rate)


def nag(rate: Rate, momentum: Rate = 0.9) -> optax.GradientTransformation:
    """Nesterov's accelerated gradient."""
    return optax.sgd(rate, momentum=momentum, nesterov=True)


def rmsprop(rate: Rate, decay: Rate = 0.9) -> optax.GradientTransformation:
    """RMSprop; `decay` is that of the mean of squared gradients."""
    return optax.rmsprop(rate, decay=decay)


def adam(rate: Rate, b2: Rate = 0.999) -> optax.GradientTransformation:
    """Adam, b1 0.9."""
    return optax.adam(rate, b2=b2)


def falling(optimizer: optax.GradientTransformation, steps: int) -> optax.GradientTransformation:
    """`optimizer`, its updates times 1, 1 - 1 / steps, …, 1 / steps, and then 0."""
    return optax.chain(optimizer, optax.scale_by_schedule(optax.linear_schedule(1.0, 0.0, steps)))


MOMENTA = (0.9, 0.8, 0.95, 0.99)
DECAYS = (0.9, 0.8, 0.99, 0.999)
B2 = (0.999, 0.8, 0.9, 0.99)

BASELINES: Mapping[str, Baseline] = {
    "sgd": Baseline(lambda rate, _, steps: sgd(rate)),
    "nag": Baseline(lambda rate, momentum, steps: nag(rate, momentum), "momentum", MOMENTA),
    "rmsprop": Baseline(lambda rate, decay, steps: rmsprop(rate, decay), "decay", DECAYS),
    "adam": Baseline(lambda rate, b2, steps: adam(rate, b2), "b2", B2),
    "nag_linear": Baseline(
        lambda rate, momentum, steps: falling(nag(rate, momentum), steps), "momentum", MOMENTA, True
    ),
    "adam_linear": Baseline(lambda rate, b2, steps: falling(adam(rate, b2), steps), "b2", B2, True),
}
