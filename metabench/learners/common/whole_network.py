"""A whole network fitted to the supports of an episode: what `scratch` and `finetune` share."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from metabench.learners.common.inner_loop import inner_loop
from metabench.learners.common.state import Task
from metabench.nets.functional import Functional
from metabench.types import PyTree


def fitted(
    net: Functional,
    weights: PyTree,
    stats: PyTree,
    optimizer: optax.GradientTransformation,
    steps: int,
    support_x: jax.Array,
    support_y: jax.Array,
) -> Task:
    """The network after `steps` of `optimizer` from `weights` on, each on all supports.

    Its statistics are those of the supports after the last step.
    """

    def loss(weights: PyTree, number: jax.Array) -> jax.Array:
        del number  # every step sees all supports
        scores, _ = net.apply(weights, stats, support_x, train=True)
        return optax.softmax_cross_entropy_with_integer_labels(scores, support_y).mean()

    found = inner_loop(loss, weights, optimizer, jnp.arange(steps)).params
    return Task(found, net.apply(found, stats, support_x, train=True)[1])
