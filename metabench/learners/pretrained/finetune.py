"""Fine-tuning: a classifier of all training classes, then a few steps of descent on the supports.

Ravi & Larochelle (2017, section 5) compare the meta-learner LSTM with this baseline: the same
network, trained on plain batches of the training classes. In an episode its last layer begins anew,
and all weights follow gradient descent at one constant rate, which is tuned on validation classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.contracts.options import TEST_ONLY, UNSAID, Count, Rate, with_options
from metabench.learners.common.backbone import AnyBackbone
from metabench.learners.common.classifier import classifier
from metabench.learners.common.optimizer import ClippedAdam, adam, descended
from metabench.learners.common.state import State, Task
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.learners.common.whole_network import fitted
from metabench.learners.pretrained.base import classification, labelled
from metabench.nets.functional import Functional
from metabench.types import Episode, EpisodeShape, PyTree

FineNorm = Literal["batch", "group", "layer", "none"]
Train: TypeAlias = Callable[[State, Episode, jax.Array], tuple[State, Metrics]]


@with_options
def finetune(
    shape: EpisodeShape,
    *,
    classes: Count = 10_000,
    inner_steps: Annotated[Count, TEST_ONLY] = 12,
    inner_rate: Annotated[Rate, TEST_ONLY] = 0.1,
    width: Count = 32,
    norm: Annotated[FineNorm, UNSAID] = "batch",
    network: AnyBackbone = AnyBackbone(),
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """Pretraining and gradient descent on four blocks of 32 channels and a linear layer.

    By default the supports' statistics after the last step normalise the queries.

    Args:
      shape: of the test episodes.
      classes: of the training; a run sets it.
      inner_steps: of gradient descent, each on all supports.
      inner_rate: of each step.
      width: channels of each block.
      norm: statistics that normalise: `batch`, in an episode those of the supports, or those of
        each image.
      network: another network in place of the four blocks.
      episodes: of training, where they differ from the test's; only images and classes are used.
      optimizer: of the pretraining.

    Reference: https://openreview.net/forum?id=rJY0-Kcll
    """
    pretraining = adam(optimizer)
    every = classifier(replace(shape, way=classes), network, width, norm).net
    net = classifier(shape, network, width, "support" if norm == "batch" else norm).net

    def init(key: jax.Array) -> State:
        params, stats = every.init(key)
        return State(params, stats, pretraining.init(params))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        begin, stats = net.init(key)
        begin = state.params | {"head": jax.tree.map(jnp.zeros_like, begin["head"])}
        descent = optax.sgd(inner_rate)
        return fitted(net, begin, stats, descent, inner_steps, support_x, support_y)

    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=lambda task, query_x: net.apply(task.weights, task.stats, query_x)[0],
        training=Training(_pretraining(every, pretraining), training_shape(shape, episodes)),
    )


def _pretraining(net: Functional, optimizer: optax.GradientTransformation) -> Train:
    """One step down the cross-entropy over all training classes."""

    def loss(
        params: PyTree, stats: PyTree, images: jax.Array, classes: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        return classification(net.apply(params, stats, images, key=key)[0], classes)

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        gradient = jax.value_and_grad(loss, has_aux=True)
        (error, accuracy), grads = gradient(state.params, state.stats, *labelled(episodes), key)
        return descended(optimizer, state, grads), {"loss": error, "accuracy": accuracy}

    return train
