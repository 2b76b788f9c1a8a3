"""Learners that are trained on images without labels, and embed.

`acai`, `bigan`, `infogan` and `real_nvp` share this. There are several networks, some of them
adversaries of others. In an episode embeddings are compared by cosine, and the nearest support
decides. All networks learn in one step: the loss is a sum, and a network is held constant (`held`)
in the terms that are not its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import jax
import optax

from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.learners.common.neighbours import by_nearest
from metabench.learners.common.optimizer import descended
from metabench.nets.coder import joined
from metabench.nets.functional import Functional
from metabench.types import EpisodeShape, ImagesShape, PyTree


class State(NamedTuple):
    """The state in training; params and stats by the name of their network."""

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

    def answers(self, name: str, *inputs: jax.Array) -> PyTree:
        """The network's output in training; its statistics stay as they are."""
        return self.nets[name].apply(self.params[name], self.stats[name], *inputs, train=True)[0]

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
TrainStep: TypeAlias = Callable[[State, jax.Array, jax.Array], tuple[State, Metrics]]


class Descent(NamedTuple):
    """How the networks learn."""

    init: Callable[[dict[str, PyTree]], PyTree]  # of the optimizer, from the parameters
    step: TrainStep
    turns: int = 1  # batches of images that one step takes


def unlabelled(
    nets: Mapping[str, Functional],
    descent: Descent,
    shape: EpisodeShape,
    *,
    images: int,
    embedder: str,
    code: Callable[[PyTree, PyTree, jax.Array], jax.Array],
) -> EpisodeLearner:
    """A learner from networks and how they are trained.

    Args:
      nets: the networks by name.
      descent: how they learn.
      shape: of the test episodes.
      images: in a training batch.
      embedder: name of the network that embeds.
      code: `code(params, stats, images in [0, 1]) -> [n, features]` by that network.
    """

    def init(key: jax.Array) -> State:
        keys = jax.random.split(key, len(nets))
        made = {name: net.init(k) for (name, net), k in zip(nets.items(), keys, strict=True)}
        params = {name: found[0] for name, found in made.items()}
        stats = {name: found[1] for name, found in made.items()}
        return State(params, stats, descent.init(params))

    def kept(state: State | Embedder) -> Embedder:
        if isinstance(state, Embedder):
            return state
        return Embedder(state.params[embedder], state.stats[embedder])

    def embed(state: State | Embedder, xs: jax.Array) -> jax.Array:
        one = kept(state)
        return code(one.params, one.stats, joined(xs))

    adapt, predict = by_nearest(embed, shape.way, kept)
    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=predict,
        training=Training(descent.step, ImagesShape(descent.turns * images, shape.image)),
        embed=embed,
    )


def together(
    nets: Mapping[str, Functional], loss: Loss, optimizer: optax.GradientTransformation
) -> Descent:
    """All networks take one step down the sum of their losses.

    Args:
      nets: the networks by name.
      loss: `loss(players, images in [0, 1] [n, h, w, c], key) -> (sum of all terms, metrics)`.
      optimizer: of all networks.
    """

    def total(
        params: dict[str, PyTree], stats: dict[str, PyTree], x: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, tuple[Metrics, dict[str, PyTree]]]:
        players = Players(nets, params, stats)
        value, metrics = loss(players, x, key)
        return value, (metrics, players.stats)

    def train(state: State, batch: jax.Array, key: jax.Array) -> tuple[State, Metrics]:
        gradient = jax.grad(total, has_aux=True)
        grads, (metrics, stats) = gradient(state.params, state.stats, joined(batch), key)
        return descended(optimizer, state, grads, stats=stats), metrics

    return Descent(optimizer.init, train)
