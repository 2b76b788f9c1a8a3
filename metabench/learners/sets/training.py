"""How the Neural Statistician is meta-trained: its sets, its annealed bound, its optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.compute.episodewise import over_episodes
from metabench.contracts.learner import Metrics
from metabench.contracts.options import AtLeast, Chance, Count, FromTo, Options, Rate, Way
from metabench.learners.common.optimizer import Adam, Decay, adam, descended
from metabench.nets.distort import STRONGEST
from metabench.nets.functional import Functional
from metabench.nets.pixels import pixels
from metabench.nets.statistician.training_sets import TrainingSets
from metabench.types import Episode, PyTree


class State(NamedTuple):
    """The state in meta-training."""

    params: PyTree
    stats: PyTree
    optimizer: PyTree
    step: jax.Array  # int32 []


@dataclass(frozen=True)
class SetOptions(Options):
    """Options of the training sets.

    Args:
      set_size: images in a training set.
      train_way: sets in a training episode, each of another class; batch norm needs two.
      drop: probability that a member is left out when the context is inferred.
      rotate: rotate each training set by a random quarter turn. Not needed if the split has
        rotated classes.
      reflect: mirror each training set with probability 1/2.
      distort: infer the contexts of training sets from copies of their members, each with its
        own affine distortion, and explain the undistorted members: a context then contains
        little about slant, size and place. 0: no copies; 1: with the ranges of `nets/distort.py`,
        as handwriting differs; 2: twice these.
      distort_chance: probability that a context is inferred from a member's copy and not from the
        member itself; it is drawn for each member.
      dilate: probability that a training image is dilated.
      binarise: draw each training pixel as 0 or 1; its grey value is the probability of 1.
    """

    set_size: Annotated[int, AtLeast(2)] = 5
    train_way: Way = 16
    drop: Chance = 0.5
    rotate: bool = False
    reflect: bool = True
    distort: Annotated[float, FromTo(0, STRONGEST)] = 0.0
    distort_chance: Chance = 1.0
    dilate: Chance = 0.5
    binarise: bool = True

    @property
    def changes(self) -> TrainingSets:
        """What is done to the sets of an episode."""
        return TrainingSets(**{name: getattr(self, name) for name in TrainingSets._fields})


@dataclass(frozen=True)
class Annealing(Options):
    """The loss is -((1 + α) log-likelihood - KL / (1 + α)); α is halved every `half_life` steps.

    Args:
      annealing: α at the start.
      half_life: steps after which α is halved again (the paper: an epoch). None: α is constant,
        so contexts and latents have a smaller weight in the loss and contain more.
    """

    annealing: Annotated[float, AtLeast(0)] = 1.0
    half_life: Count | None = None

    def __call__(self, step: jax.Array) -> jax.Array:
        """α at a step."""
        if self.half_life is None:
            return jnp.float32(self.annealing)
        return self.annealing * 0.5 ** (step // self.half_life).astype(jnp.float32)


@dataclass(frozen=True)
class ClampedAdam(Adam):
    """Adam with a limit on each entry of a gradient.

    Args:
      clamp: every entry of a gradient is clamped to ± this.
    """

    decay: Decay = "constant"
    clamp: Rate = 0.5


def clamped_adam(options: ClampedAdam) -> optax.GradientTransformation:
    """The optimizer that `options` describe."""
    return optax.chain(optax.clip(options.clamp), adam(options))


def sets_of(episode: Episode) -> jax.Array:
    """An episode as sets, one for each class: uint8 [way, members, h, w, c].

    Supports and the query of a class make its set; labels only say which these are.
    """
    (way,) = episode.class_ids.shape
    image = episode.support_x.shape[1:]
    queries = episode.query_x[jnp.argsort(episode.query_y)]  # one query of each class
    supports = episode.support_x.reshape(way, -1, *image)
    return jnp.concatenate([supports, queries[:, None]], axis=1)


def bound_training(
    net: Functional,
    optimizer: optax.GradientTransformation,
    changes: TrainingSets,
    annealing: Annealing,
) -> Callable[[State, Episode, jax.Array], tuple[State, Metrics]]:
    """One step up the mean annealed bound of a batch of episodes.

    Batch norm sees the sets of one episode, so that episodes can be spread over devices. The loss
    among the metrics is the negative of the bound itself, per image.
    """

    def loss(
        params: PyTree, stats: PyTree, step: jax.Array, episode: Episode, key: jax.Array
    ) -> tuple[jax.Array, tuple[Metrics, PyTree]]:
        set_key, sample_key = jax.random.split(key)
        told = changes(set_key, pixels(sets_of(episode)))
        terms, stats = net.apply(
            params, stats, "bound", told.x, told.member, sample_key,
            informants=told.informants, train=True,
        )  # fmt: skip
        members = told.x.shape[1]
        metrics = {
            "loss": -terms.elbo().mean() / members,
            "context_kl": terms.context_kl.mean(),
            "latent_kl": terms.latent_kl.mean(),
        }
        return -terms.elbo(annealing(step)).mean() / members, (metrics, stats)

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        keys = jax.random.split(key, episodes.class_ids.shape[0])
        gradient = over_episodes(
            jax.grad(loss, has_aux=True), state.params, state.stats, state.step
        )
        found = jax.tree.map(lambda leaf: leaf.mean(0), gradient(episodes, keys))
        grads, (metrics, stats) = found
        return descended(optimizer, state, grads, stats=stats, step=state.step + 1), metrics

    return train
