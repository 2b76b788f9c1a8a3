"""The common case in one call: parameters that go down the gradient of the queries' error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import optax

from metabench.compute.episodewise import over_episodes
from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.learners.common.optimizer import descended
from metabench.types import Episode, EpisodeShape, PyTree

Adapt: TypeAlias = Callable[[Any, jax.Array, jax.Array, jax.Array], Any]
Predict: TypeAlias = Callable[[Any, jax.Array], jax.Array]


class State(NamedTuple):
    """The state in meta-training."""

    params: PyTree
    optimizer: PyTree


def by_gradient(
    first: Callable[[jax.Array], PyTree],
    adapt: Adapt,
    predict: Predict,
    optimizer: optax.GradientTransformation,
    *,
    train_shape: EpisodeShape | None = None,
    batch: int = 1,
    transductive: bool = False,
) -> EpisodeLearner:
    """A learner whose parameters are trained on the cross-entropy of the queries of episodes.

    Args:
      first: `first(key) -> params`, the parameters before training.
      adapt: `adapt(params, support_x, support_y, key) -> task`.
      predict: `predict(task, query_x) -> logits [queries, way]`.
      optimizer: of the meta-training.
      train_shape: of the training episodes; None for the test's.
      batch: episodes in a training step, where neither a recipe nor the user says how many.
      transductive: whether the prediction for one query may depend on the other queries.

    Example:
      >>> import jax, jax.numpy as jnp, optax
      >>> from metabench import EpisodeShape, by_gradient
      >>> def mine(shape: EpisodeShape, *, learning_rate: float = 1e-3):
      ...     height, width, channels = shape.image
      ...     def features(params, images):
      ...         return images.reshape(len(images), -1) / 255 @ params
      ...     def adapt(params, x, y, key):
      ...         member = jax.nn.one_hot(y, shape.way, axis=0)
      ...         return params, member @ features(params, x) / member.sum(1, keepdims=True)
      ...     def predict(task, x):
      ...         params, means = task
      ...         return -jnp.square(features(params, x)[:, None] - means[None]).sum(-1)
      ...     first = lambda key: 0.1 * jax.random.normal(key, (height * width * channels, 64))
      ...     return by_gradient(first, adapt, predict, optax.adam(learning_rate))
      >>> mine(EpisodeShape(way=5, shot=1, query=15)).training.batch
      1
    """

    def error(params: PyTree, episode: Episode, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        task = adapt(params, episode.support_x, episode.support_y, key)
        logits = predict(task, episode.query_x)
        wrong = optax.softmax_cross_entropy_with_integer_labels(logits, episode.query_y)
        return wrong.mean(), (logits.argmax(-1) == episode.query_y).mean()

    def step(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        keys = jax.random.split(key, episodes.support_y.shape[0])
        found = over_episodes(jax.value_and_grad(error, has_aux=True), state.params)(episodes, keys)
        (loss, accuracy), gradient = jax.tree.map(lambda leaf: leaf.mean(0), found)
        return descended(optimizer, state, gradient), {"loss": loss, "accuracy": accuracy}

    def init(key: jax.Array) -> State:
        params = first(key)
        return State(params, optimizer.init(params))

    return EpisodeLearner(
        init=init,
        adapt=lambda state, x, y, key: adapt(state.params, x, y, key),
        predict=predict,
        training=Training(step, train_shape, batch, spread=True),
        transductive=transductive,
    )
