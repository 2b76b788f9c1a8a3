"""A ridge regression head on learned linear features.

After Bertinetto, Henriques, Torr & Vedaldi 2019, "Meta-learning with differentiable closed-form
solvers", whose features come from a convolutional network. Here they are linear in the pixels.
"""

from __future__ import annotations

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from metabench import POSITIVE, AtLeast, EpisodeLearner, EpisodeShape, by_gradient, pixels


def ridge(
    shape: EpisodeShape,
    *,
    features: Annotated[int, AtLeast(1)] = 64,
    learning_rate: Annotated[float, POSITIVE] = 1e-3,
) -> EpisodeLearner:
    """Ridge regression from learned linear features to the classes of an episode.

    Args:
      shape: of the test episodes.
      features: numbers that an image becomes.
      learning_rate: of Adam, in meta-training.
    """
    size = shape.image[0] * shape.image[1] * shape.image[2]

    def embed(params: Any, images: jax.Array) -> jax.Array:
        flat = pixels(images).reshape(len(images), -1)
        found = flat @ params["features"]
        return found / jnp.linalg.norm(found, axis=1, keepdims=True).clip(1e-6)

    def first(key: jax.Array) -> Any:
        weights = jax.random.normal(key, (size, features)) / size**0.5
        return {"features": weights, "log_penalty": jnp.zeros(()), "log_scale": jnp.float32(2.3)}

    def adapt(params: Any, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Any:
        """The regression in closed form, of as many unknowns as there are supports."""
        found = embed(params, support_x)
        penalty = jnp.exp(params["log_penalty"]) * jnp.eye(shape.supports)
        targets = jax.nn.one_hot(support_y, shape.way)
        return params, found.T @ jnp.linalg.solve(found @ found.T + penalty, targets)

    def predict(task: Any, query_x: jax.Array) -> jax.Array:
        params, head = task
        return jnp.exp(params["log_scale"]) * embed(params, query_x) @ head

    return by_gradient(first, adapt, predict, optax.adam(learning_rate), batch=4)
