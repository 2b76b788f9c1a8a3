"""The hand-designed optimizers that learned ones are compared with, from optax: one rate each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
import optax

MakeOptimizer: TypeAlias = Callable[[float | jax.Array], optax.GradientTransformation]


def sgd(rate: float | jax.Array) -> optax.GradientTransformation:
    """Gradient descent."""
    return optax.sgd(rate)


def nag(rate: float | jax.Array) -> optax.GradientTransformation:
    """Nesterov's accelerated gradient: momentum 0.9."""
    return optax.sgd(rate, momentum=0.9, nesterov=True)


def rmsprop(rate: float | jax.Array) -> optax.GradientTransformation:
    """RMSprop, decay 0.9."""
    return optax.rmsprop(rate)


def adam(rate: float | jax.Array) -> optax.GradientTransformation:
    """Adam, b1 0.9 and b2 0.999."""
    return optax.adam(rate)


BASELINES: Mapping[str, MakeOptimizer] = {"sgd": sgd, "nag": nag, "rmsprop": rmsprop, "adam": adam}
