"""Two discrete variables as tables: distributions, both ways to factorise them, and adaptation.

A factorised model has a logit for each value of its first variable, and for each pair.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Factors(NamedTuple):
    """A model p(first) p(second | first) as logits that need not be normalised."""

    marginal: jax.Array  # [n]
    conditional: jax.Array  # [n, n], a row for each value of the first variable


class Pairs(NamedTuple):
    """Examples: values of both variables."""

    cause: jax.Array  # int32 [...]
    effect: jax.Array  # int32 [...]


class Both(NamedTuple):
    """The models of the two hypotheses, or a number of each."""

    forward: Factors  # p(cause) p(effect | cause)
    backward: Factors  # p(effect) p(cause | effect)


def factorised(joint: jax.Array) -> Both:
    """Both models of a distribution, which they fit exactly.

    Args:
      joint: log p(cause, effect), [n, n].
    """
    cause, effect = jax.nn.logsumexp(joint, 1), jax.nn.logsumexp(joint, 0)
    forward = Factors(cause, joint - cause[:, None])
    return Both(forward, Factors(effect, joint.T - effect[:, None]))


def joint_of(both: Both) -> tuple[jax.Array, jax.Array]:
    """The log p(cause, effect) under each of the two models, each [n, n]."""
    return _joint(both.forward), _joint(both.backward).T


def divergences(joint: jax.Array, both: Both) -> jax.Array:
    """KL(joint ‖ model) of the two models in nats, [2]; `joint`: log p(cause, effect), [n, n]."""
    return jnp.stack([(jnp.exp(joint) * (joint - one)).sum() for one in joint_of(both)])


def _joint(model: Factors) -> jax.Array:
    return jax.nn.log_softmax(model.marginal)[:, None] + jax.nn.log_softmax(model.conditional)


def draw_pairs(key: jax.Array, joint: jax.Array, shape: tuple[int, ...]) -> Pairs:
    """Examples of log p(cause, effect), which need not be normalised."""
    first, second = jax.random.split(key)
    cause = jax.random.categorical(first, jax.nn.logsumexp(joint, 1), shape=shape)
    return Pairs(cause, jax.random.categorical(second, joint[cause]))


def log_likelihood(both: Both, pairs: Pairs) -> tuple[jax.Array, jax.Array]:
    """The log p of each example under each of the two models, in nats."""
    return (
        _density(both.forward, pairs.cause, pairs.effect),
        _density(both.backward, pairs.effect, pairs.cause),
    )


def _density(model: Factors, first: jax.Array, second: jax.Array) -> jax.Array:
    marginal = jax.nn.log_softmax(model.marginal)[first]
    rows = jax.nn.log_softmax(model.conditional[first])
    return marginal + jnp.take_along_axis(rows, second[..., None], -1)[..., 0]


def descend(both: Both, pairs: Pairs, rate: float) -> Both:
    """One step of gradient descent of each model on the mean loss of its examples [batch]."""

    def loss(both: Both) -> jax.Array:
        forward, backward = log_likelihood(both, pairs)
        return -(forward.mean() + backward.mean())

    return jax.tree.map(lambda one, slope: one - rate * slope, both, jax.grad(loss)(both))


def adapt(both: Both, pairs: Pairs, rate: float) -> tuple[jax.Array, jax.Array]:
    """The log L of the transfer data under both hypotheses, each batch scored before its step.

    Args:
      both: models of the training distribution.
      pairs: of the transfer distribution, [steps, batch].
      rate: of gradient descent.
    """

    def step(both: Both, pairs: Pairs) -> tuple[Both, tuple[jax.Array, jax.Array]]:
        forward, backward = log_likelihood(both, pairs)
        return descend(both, pairs, rate), (forward.sum(), backward.sum())

    _, (forward, backward) = jax.lax.scan(step, both, pairs)
    return forward.sum(), backward.sum()
