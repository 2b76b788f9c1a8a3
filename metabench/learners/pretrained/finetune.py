"""Fine-tuning: a classifier of all training classes, then a few steps of descent on the supports.

The baseline that the meta-learner LSTM is measured by (Ravi & Larochelle 2017, section 5): the same
network, trained on plain batches of the training classes; in an episode its last layer begins anew,
and all weights follow gradient descent at one constant rate, which is tuned on validation classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import TEST_ONLY, Learner, Metrics
from metabench.learners.common.inner_loop import check_inner
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.state import State, Task
from metabench.learners.common.training_shape import training_shape
from metabench.learners.common.whole_network import fitted
from metabench.learners.pretrained.base import check_fitting, classification, labelled
from metabench.nets.classifier import Classifier
from metabench.nets.functional import Functional, functional
from metabench.types import Episode, EpisodeShape, PyTree

Train: TypeAlias = Callable[[State, Episode, jax.Array], tuple[State, Metrics]]


def finetune(
    shape: EpisodeShape,
    *,
    classes: int = 10_000,
    inner_steps: Annotated[int, TEST_ONLY] = 12,
    inner_rate: Annotated[float, TEST_ONLY] = 0.1,
    width: int = 32,
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    clip: float | None = None,
    train_way: int | None = None,
    train_shot: int | None = None,
    train_query: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """Pretraining and gradient descent on four blocks of 32 channels and a linear layer.

    Queries are normalised by the supports' statistics after the last step.

    Args:
      shape: of the test episodes.
      classes: numbers that a global class id may have; a run tells it.
      inner_steps: of gradient descent, each on all supports.
      inner_rate: of each step.
      width: channels of each block.
      learning_rate: of Adam, the pretraining.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of a gradient of the pretraining.
      train_way: classes of a training batch; None for the test's.
      train_shot: images of each class in it, together with `train_query`; None for the test's.
      train_query: see `train_shot`; None for the test's.
      steps: length of pretraining, for the decay.

    Reference: https://openreview.net/forum?id=rJY0-Kcll
    """
    check_inner(inner_steps, inner_rate)
    check_fitting(classes, inner_steps, inner_rate)
    optimizer = adam(learning_rate, decay, steps, clip)
    every = functional(lambda rngs: Classifier(replace(shape, way=classes), width, "batch", rngs))
    net = functional(lambda rngs: Classifier(shape, width, "support", rngs))

    def init(key: jax.Array) -> State:
        params, stats = every.init(key)
        return State(params, stats, optimizer.init(params))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        begin, stats = net.init(key)
        begin = state.params | {"head": jax.tree.map(jnp.zeros_like, begin["head"])}
        descent = optax.sgd(inner_rate)
        return fitted(net, begin, stats, descent, inner_steps, support_x, support_y)

    return Learner(
        init=init,
        adapt=adapt,
        predict=lambda task, query_x: net.apply(task.weights, task.stats, query_x)[0],
        train=_pretraining(every, optimizer),
        parameters=lambda state: state.params,
        train_shape=training_shape(shape, train_way, train_shot, train_query),
    )


def _pretraining(net: Functional, optimizer: optax.GradientTransformation) -> Train:
    """One step down the cross-entropy over all training classes."""

    def loss(
        params: PyTree, stats: PyTree, images: jax.Array, classes: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        return classification(net.apply(params, stats, images)[0], classes)

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        del key  # nothing is drawn
        gradient = jax.value_and_grad(loss, has_aux=True)
        (error, accuracy), grads = gradient(state.params, state.stats, *labelled(episodes))
        updates, moments = optimizer.update(grads, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        return State(params, state.stats, moments), {"loss": error, "accuracy": accuracy}

    return train
