"""Training from scratch: a network that meets nothing but the supports of an episode.

The baseline of Hsu, Levine & Finn 2019 that knows no other images: four blocks and a linear layer
from random weights, fitted to the supports by Adam.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.learners.inner_loop import check_inner, inner_loop
from metabench.nets.classifier import Classifier, Norm
from metabench.nets.functional import functional
from metabench.types import EpisodeShape, Learner, PyTree


class Task(NamedTuple):
    """A classifier of the episode's classes."""

    params: PyTree
    stats: PyTree


def scratch(
    shape: EpisodeShape,
    *,
    inner_steps: int = 50,
    inner_rate: float = 1e-3,
    norm: Norm = "support",
    width: int = 32,
) -> Learner:
    """A network fitted to the supports alone.

    Args:
      shape: of the test episodes.
      inner_steps: of Adam, each on all supports.
      inner_rate: of Adam.
      norm: statistics that normalise; `batch` is transductive.
      width: channels of each block.
    """
    check_inner(inner_steps, inner_rate)
    net = functional(lambda rngs: Classifier(shape, width, norm, rngs))

    def adapt(state: tuple[()], support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del state
        params, stats = net.init(key)

        def loss(params: PyTree, number: jax.Array) -> jax.Array:
            del number  # every step sees all supports
            scores, _ = net.apply(params, stats, support_x, train=True)
            return optax.softmax_cross_entropy_with_integer_labels(scores, support_y).mean()

        found = inner_loop(loss, params, optax.adam(inner_rate), jnp.arange(inner_steps)).params
        return Task(found, net.apply(found, stats, support_x, train=True)[1])

    return Learner(
        init=lambda key: (),
        adapt=adapt,
        predict=lambda task, query_x: net.apply(task.params, task.stats, query_x)[0],
        transductive=norm == "batch",
    )
