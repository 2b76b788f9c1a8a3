"""DeepCluster (Caron, Bojanowski, Joulin & Douze 2018): cluster, classify, and again.

k-means clusters the features of a network, and the network is trained to tell the clusters apart,
by a linear layer that is reset after each clustering (section 3.2). CACTUs (Hsu, Levine & Finn
2019) clusters its features on mini-ImageNet.

A training step sees a batch, never the whole data. So this departs from the paper:

- k-means clusters the most recent `bank` images every `refresh` steps; the paper clusters all
  images once per epoch.
- A later image gets the nearest centroid, by the network as it was at the clustering.
- Images are drawn whatever their cluster, and the loss weighs each inversely to the size of its
  cluster (at most ten times the mean); the paper draws clusters with equal chances.
- The network is Conv4, without the Sobel filter, trained by Adam. Images are turned and shifted a
  little; the paper crops and mirrors them, but a mirrored character is another character.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.contracts.options import UNSAID, Count, with_options
from metabench.errors import UserError
from metabench.learners.common.backbone import PlainNorm
from metabench.learners.common.neighbours import by_nearest
from metabench.learners.common.optimizer import Adam, adam, descended
from metabench.learners.unlabelled.base import Embedder
from metabench.learners.unlabelled.k_means import Clusters, Whitening, k_means, whitening
from metabench.nets.coder import joined
from metabench.nets.conv4 import Conv4, conv4_features
from metabench.nets.functional import Functional, functional
from metabench.nets.jitter import detailed, jitter, unmoved
from metabench.types import EpisodeShape, ImagesShape, PyTree

HEAVIEST = 10.0  # largest weight of an image, relative to one in a cluster of mean size
CHUNK = 256  # images of the bank that are embedded at once
ROUNDS = 10  # of k-means


class Teacher(NamedTuple):
    """The network as it was at the last clustering, and the clusters: it gives the labels."""

    params: PyTree
    stats: PyTree
    whitening: Whitening
    clusters: Clusters


class State(NamedTuple):
    """The state in training."""

    params: dict[str, PyTree]  # "backbone" and "head"
    stats: PyTree
    optimizer: PyTree
    teacher: Teacher
    bank: jax.Array  # uint8 [bank, h, w, c], the newest images first
    step: jax.Array  # int32 []


class Schedule(NamedTuple):
    """When the images are clustered, and into how many clusters."""

    clusters: int
    components: int
    refresh: int

    def due(self, step: jax.Array, filled: int) -> jax.Array:
        """True at step `filled`, the first whose bank is full, and every `refresh` steps later."""
        return (step >= filled) & ((step - filled) % self.refresh == 0)


@with_options
def deepcluster(
    shape: EpisodeShape,
    *,
    clusters: Count = 500,
    components: Count = 256,
    refresh: Count = 500,
    bank: int = 4096,
    width: Count = 64,
    norm: Annotated[PlainNorm, UNSAID] = "running",
    images: Count = 64,
    optimizer: Adam = Adam(decay="constant"),
) -> EpisodeLearner:
    """Cosine nearest neighbour on the features of a Conv4 that was trained to tell clusters apart.

    Args:
      shape: of the test episodes.
      clusters: pseudo-classes.
      components: principal components that are clustered, if there are so many.
      refresh: steps from one clustering to the next.
      bank: images that are clustered, the last ones met. Learning begins when there are so many.
      width: channels of each block of Conv4.
      norm: statistics that normalise: those of the batch in training and their averages in the
        test, or those of each image.
      images: in a training batch.
      optimizer: of the training.

    Reference: https://arxiv.org/abs/1807.05520
    """
    if bank < clusters:
        raise UserError(
            f"`bank` is {bank}; it must be at least `clusters`, {clusters}, since each of them "
            "begins at an image of its own"
        )
    features = conv4_features(shape.image, width)
    components = min(components, features)
    net = functional(lambda rngs: Conv4(shape.image[2], width=width, norm=norm, rngs=rngs))
    descent = adam(optimizer)

    def init(key: jax.Array) -> State:
        backbone, stats = net.init(key)
        params = {"backbone": backbone, "head": head(features, clusters)}
        none = Clusters(jnp.zeros((clusters, components)), jnp.full(clusters, 1 / clusters))
        plain = Whitening(jnp.zeros(features), jnp.zeros((features, components)))
        before, averages = jax.tree.map(jnp.copy, (backbone, stats))
        teacher = Teacher(before, averages, plain, none)
        images = jnp.zeros((bank, *shape.image), jnp.uint8)
        return State(params, stats, descent.init(params), teacher, images, jnp.int32(0))

    def embed(state: State | Embedder, xs: jax.Array) -> jax.Array:
        one = _kept(state)
        return net.apply(one.params, one.stats, joined(xs))[0]

    adapt, predict = by_nearest(embed, shape.way, _kept)
    train = _training(net, descent, Schedule(clusters, components, refresh))
    training = Training(train, ImagesShape(images, detailed(shape.image)))
    return EpisodeLearner(init, adapt, predict, training, embed=embed)


def head(features: int, clusters: int) -> dict[str, jax.Array]:
    """A linear layer that prefers no cluster yet."""
    return {"matrix": jnp.zeros((features, clusters)), "bias": jnp.zeros(clusters)}


def regroup(net: Functional, schedule: Schedule, state: State, key: jax.Array) -> State:
    """The state after a clustering of the bank by the network as it is.

    The network and the clusters are the next teacher, and the head begins anew.
    """
    params, stats = state.params["backbone"], state.stats
    found = jax.lax.map(
        lambda image: net.apply(params, stats, joined(image[None]))[0][0],
        state.bank,
        batch_size=CHUNK,
    )
    whitened = whitening(found, schedule.components)
    clusters = k_means(key, whitened(found), schedule.clusters, ROUNDS)

    def anew(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
        """Zero for the head and its moments in the optimizer."""
        return jnp.zeros_like(leaf) if jax.tree_util.DictKey("head") in path else leaf

    return state._replace(
        params=jax.tree_util.tree_map_with_path(anew, state.params),
        optimizer=jax.tree_util.tree_map_with_path(anew, state.optimizer),
        teacher=Teacher(params, stats, whitened, clusters),
    )


def regrouped(
    net: Functional, schedule: Schedule, state: State, filled: int, key: jax.Array
) -> State:
    """The state after a clustering where one is due, and else as it is."""
    return jax.lax.cond(
        schedule.due(state.step, filled),
        lambda state: regroup(net, schedule, state, key),
        lambda state: state,
        state,
    )


def labelled(net: Functional, teacher: Teacher, x: jax.Array) -> jax.Array:
    """The teacher's cluster of each image [n, h, w, c]: int32 [n]."""
    features, _ = net.apply(teacher.params, teacher.stats, x)
    return teacher.clusters.nearest(teacher.whitening(features))


def weights(clusters: Clusters, labels: jax.Array) -> jax.Array:
    """The weight of each image in the loss, [n]: inverse to the size of its cluster."""
    mean = 1 / clusters.shares.shape[0]
    return jnp.minimum(mean / jnp.maximum(clusters.shares, 1e-9), HEAVIEST)[labels]


def once_full(state: State, later: State, filled: int) -> State:
    """`later`, with the parameters and moments of `state` until its bank is full."""
    params, moments = jax.tree.map(
        lambda new, old: jnp.where(state.step >= filled, new, old),
        (later.params, later.optimizer),
        (state.params, state.optimizer),
    )
    return later._replace(params=params, optimizer=moments)


def _kept(state: State | Embedder) -> Embedder:
    if isinstance(state, Embedder):
        return state
    return Embedder(state.params["backbone"], state.stats)


def _loss(
    net: Functional,
    params: PyTree,
    stats: PyTree,
    x: jax.Array,
    labels: jax.Array,
    weight: jax.Array,
) -> tuple[jax.Array, tuple[jax.Array, PyTree]]:
    """Weighted cross-entropy of the head; the accuracy and the new statistics."""
    features, stats = net.apply(params["backbone"], stats, x, train=True)
    scores = features @ params["head"]["matrix"] + params["head"]["bias"][None]
    error = optax.softmax_cross_entropy_with_integer_labels(scores, labels)
    accuracy = (scores.argmax(-1) == labels).mean()
    return (error * weight).sum() / weight.sum(), (accuracy, stats)


def _training(
    net: Functional, optimizer: optax.GradientTransformation, schedule: Schedule
) -> Callable[[State, jax.Array, jax.Array], tuple[State, Metrics]]:
    """One step down the cross-entropy of the pseudo-labels, after a clustering where it is due."""
    gradient = jax.value_and_grad(partial(_loss, net), has_aux=True)

    def train(state: State, images: jax.Array, key: jax.Array) -> tuple[State, Metrics]:
        grouping, moving = jax.random.split(key)
        found = images.reshape(-1, *images.shape[2:])
        size, *rest = state.bank.shape
        height, width, channels = rest
        image = (height, width, channels)
        met = unmoved(found, image)
        filled = -(-size // met.shape[0]) - 1  # the first step after which the bank is full
        state = state._replace(bank=jnp.concatenate([met, state.bank])[:size])
        state = regrouped(net, schedule, state, filled, grouping)
        x = joined(met)
        labels = labelled(net, state.teacher, x)
        weight = weights(state.teacher.clusters, labels)
        seen = joined(jitter(moving, found, image))
        (error, (accuracy, stats)), grads = gradient(
            state.params, state.stats, seen, labels, weight
        )
        later = descended(optimizer, state, grads, stats=stats, step=state.step + 1)
        return once_full(state, later, filled), {"loss": error, "accuracy": accuracy}

    return train
