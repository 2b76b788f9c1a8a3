"""A whole network that is adapted to the supports of an episode."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.learners.common.inner_loop import inner_loop
from metabench.learners.common.state import Task
from metabench.nets.functional import Functional
from metabench.types import PyTree


class Supports(NamedTuple):
    """The supports of an episode, and the network that is adapted to them."""

    net: Functional
    stats: PyTree  # of the network before it has met the supports
    images: jax.Array
    labels: jax.Array
    key: jax.Array | None = None  # of what the network draws in training; None in the test

    def error(self, weights: PyTree, number: jax.Array) -> jax.Array:
        """Mean cross-entropy on all supports: the loss of step `number` of an inner loop."""
        drawn = None if self.key is None else jax.random.fold_in(self.key, number)
        scores, _ = self.net.apply(weights, self.stats, self.images, train=True, key=drawn)
        return optax.softmax_cross_entropy_with_integer_labels(scores, self.labels).mean()

    def task(self, weights: PyTree) -> Task:
        """The network with `weights` and with the statistics of the supports."""
        # Costs nothing if there are no statistics to keep, as the logits are not used.
        found = self.net.apply(weights, self.stats, self.images, train=True, key=self.key)
        return Task(weights, found[1])


def fitted(
    net: Functional,
    weights: PyTree,
    stats: PyTree,
    optimizer: optax.GradientTransformation,
    steps: int,
    support_x: jax.Array,
    support_y: jax.Array,
) -> Task:
    """The network after `steps` of `optimizer`, starting from `weights`, each on all supports.

    Its statistics are those of the supports after the last step.
    """
    supports = Supports(net, stats, support_x, support_y)
    return supports.task(inner_loop(supports.error, weights, optimizer, jnp.arange(steps)).params)
