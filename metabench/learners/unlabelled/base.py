"""Learners that are trained on images without labels, and embed.

What `acai`, `bigan` and `infogan` share. Several networks play, some of them against one
another; what they embed is compared by cosine in an episode, and the nearest support decides.
All of them learn in one step: the loss is a sum, in which a network is held constant
(`held`) where a term is not its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import jax
import optax

from metabench.contracts.learner import Learner, Metrics
from metabench.errors import UserError
from metabench.learners.common.neighbours import by_nearest
from metabench.nets.coder import pixels
from metabench.nets.functional import Functional
from metabench.types import ImagesShape, ImageTaskShape, PyTree


class State(NamedTuple):
    """What is carried through training; params and stats by the name of their network."""

    params: dict[str, PyTree]
    stats: dict[str, PyTree]
    optimizer: PyTree


class Embedder(NamedTuple):
    """What is kept in an episode: the network that embeds."""

    params: PyTree
    stats: PyTree


class Players:
    """The networks while they are trained, by name: calls them and keeps their statistics."""

    def __init__(
        self, nets: Mapping[str, Functional], params: Mapping[str, PyTree], stats: dict[str, PyTree]
    ) -> None:
        self.nets, self.params, self.stats = nets, params, dict(stats)

    def __call__(self, name: str, *inputs: jax.Array, held: bool = False) -> PyTree:
        """The network's output in training; with `held`, it gets no gradient from it."""
        params = self.params[name]
        if held:
            params = jax.lax.stop_gradient(params)
        output, stats = self.nets[name].apply(params, self.stats[name], *inputs, train=True)
        if not held:
            self.stats[name] = jax.lax.stop_gradient(stats)
        return output


Loss: TypeAlias = Callable[[Players, jax.Array, jax.Array], tuple[jax.Array, Metrics]]


def check_positive(**options: int) -> None:
    """Raise `UserError` where an option is below 1."""
    for name, value in options.items():
        if value < 1:
            raise UserError(f"`{name}` is {value}; it must be at least 1")


def unlabelled(
    nets: Mapping[str, Functional],
    loss: Loss,
    optimizer: optax.GradientTransformation,
    shape: ImageTaskShape,
    *,
    images: int,
    embedder: str,
    code: Callable[[PyTree, PyTree, jax.Array], jax.Array],
) -> Learner:
    """A learner from networks and what they learn.

    Args:
      nets: the networks by name.
      loss: `loss(players, images in [0, 1] [n, h, w, c], key) -> (sum of all terms, metrics)`.
      optimizer: of all networks.
      shape: of the test.
      images: in a training batch.
      embedder: name of the network that embeds.
      code: `code(params, stats, images in [0, 1]) -> [n, features]` by that network.
    """

    def init(key: jax.Array) -> State:
        keys = jax.random.split(key, len(nets))
        made = {name: net.init(k) for (name, net), k in zip(nets.items(), keys, strict=True)}
        params = {name: found[0] for name, found in made.items()}
        return State(
            params, {name: found[1] for name, found in made.items()}, optimizer.init(params)
        )

    def total(
        params: dict[str, PyTree], stats: dict[str, PyTree], x: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, tuple[Metrics, dict[str, PyTree]]]:
        players = Players(nets, params, stats)
        value, metrics = loss(players, x, key)
        return value, (metrics, players.stats)

    def train(state: State, batch: jax.Array, key: jax.Array) -> tuple[State, Metrics]:
        gradient = jax.grad(total, has_aux=True)
        grads, (metrics, stats) = gradient(state.params, state.stats, pixels(batch), key)
        updates, moments = optimizer.update(grads, state.optimizer, state.params)
        return State(optax.apply_updates(state.params, updates), stats, moments), metrics

    def embed(state: State | Embedder, xs: jax.Array) -> jax.Array:
        one = _kept(state, embedder)
        return code(one.params, one.stats, pixels(xs))

    adapt, predict = by_nearest(embed, shape.way, lambda state: _kept(state, embedder))
    return Learner(
        init=init,
        adapt=adapt,
        predict=predict,
        train=train,
        parameters=lambda state: state.params,
        train_shape=ImagesShape(images, shape.image),
        embed=embed,
    )


def _kept(state: State | Embedder, name: str) -> Embedder:
    if isinstance(state, Embedder):
        return state
    return Embedder(state.params[name], state.stats[name])
