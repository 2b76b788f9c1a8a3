"""Learners that compile in a moment: class means over one linear layer, compared in four ways."""

import jax
import jax.numpy as jnp
import optax

from metabench import by_gradient, pixels
from metabench.contracts.options import Count, Rate
from metabench.types import EpisodeShape


def squared(query, mean):
    return -jnp.square(query[:, None] - mean[None]).sum(-1)


def absolute(query, mean):
    return -jnp.abs(query[:, None] - mean[None]).sum(-1)


def dot(query, mean):
    return query @ mean.T


def cosine(query, mean):
    return _unit(query) @ _unit(mean).T


def _unit(x):
    return x / jnp.sqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-6)


def toy(shape: EpisodeShape, *, width: Count = 4, learning_rate: Rate = 1e-3):
    return _made(shape, width, learning_rate, squared)


def toy_absolute(shape: EpisodeShape, *, width: Count = 4, learning_rate: Rate = 1e-3):
    return _made(shape, width, learning_rate, absolute)


def toy_dot(shape: EpisodeShape, *, width: Count = 4, learning_rate: Rate = 1e-3):
    return _made(shape, width, learning_rate, dot)


def toy_cosine(shape: EpisodeShape, *, width: Count = 4, learning_rate: Rate = 1e-3):
    return _made(shape, width, learning_rate, cosine)


def _made(shape, width, learning_rate, alike):
    size = shape.image[0] * shape.image[1] * shape.image[2]

    def embed(weights, images):
        return pixels(images).reshape(len(images), -1) @ weights

    def adapt(weights, x, y, key):
        member = jax.nn.one_hot(y, shape.way, axis=0)
        return weights, member @ embed(weights, x) / member.sum(1, keepdims=True)

    def predict(task, x):
        return alike(embed(task[0], x), task[1])

    def first(key):
        return jax.random.normal(key, (size, width)) / size**0.5

    return by_gradient(first, adapt, predict, optax.adam(learning_rate))
