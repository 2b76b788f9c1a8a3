"""The outer loop of learners that adapt a whole network: one step down the error on the queries.

What MAML and the meta-learner LSTM share (Finn et al. 2017, algorithm 2; Ravi & Larochelle 2017,
algorithm 1): whatever adapts to the supports, its gradient is that of the queries' cross-entropy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import jax
import optax

from metabench.compute.episodewise import over_episodes
from metabench.contracts.learner import Metrics
from metabench.errors import UserError
from metabench.learners.common.state import State, Task
from metabench.nets.classifier import Classifier, Norm
from metabench.nets.functional import Functional, functional
from metabench.types import Episode, EpisodeShape, PyTree

# `adapted(params, stats, support_x, support_y)`: the classifier after the inner loop.
Adapted: TypeAlias = Callable[[PyTree, PyTree, jax.Array, jax.Array], Task]


def both_nets(
    shape: EpisodeShape, width: int, norm: Norm, test_norm: Norm | None
) -> tuple[Functional, Functional]:
    """The classifier of training, and that of the test with the same weights.

    Raises:
      UserError: `test_norm` wants other weights or statistics than `norm`.
    """
    after = ("batch", "support") if norm in ("batch", "support") else (norm,)
    if test_norm is not None and test_norm not in after:
        raise UserError(
            f"`test_norm` is {test_norm!r}; after `norm` {norm!r} it must be one of: "
            + ", ".join(after)
        )
    net, tested = (
        functional(partial(Classifier, shape, width, one)) for one in (norm, test_norm or norm)
    )
    return net, tested


def outer_training(
    adapted: Adapted, net: Functional, optimizer: optax.GradientTransformation
) -> Callable[[State, Episode, jax.Array], tuple[State, Metrics]]:
    """One step of the outer loop, down the mean error on the queries of a batch of episodes."""

    def error(params: PyTree, stats: PyTree, episode: Episode) -> tuple[jax.Array, jax.Array]:
        task = adapted(params, stats, episode.support_x, episode.support_y)
        scores = net.apply(task.weights, task.stats, episode.query_x)[0]
        wrong = optax.softmax_cross_entropy_with_integer_labels(scores, episode.query_y)
        return wrong.mean(), (scores.argmax(-1) == episode.query_y).mean()

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        del key  # nothing is drawn

        # Gradients are taken within each episode: nothing of one is kept for another.
        gradients = over_episodes(
            jax.value_and_grad(error, has_aux=True), state.params, state.stats
        )
        found = jax.tree.map(lambda leaf: leaf.mean(0), gradients(episodes))
        (loss, accuracy), gradient = found
        updates, moments = optimizer.update(gradient, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        return State(params, state.stats, moments), {"loss": loss, "accuracy": accuracy}

    return train
