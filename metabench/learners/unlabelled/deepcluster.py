"""DeepCluster (Caron, Bojanowski, Joulin & Douze 2018): cluster, classify, and again.

The features of a network are clustered by k-means, and the network is trained to tell the
clusters apart, by a linear layer that begins anew after each clustering (section 3.2).
CACTUs (Hsu, Levine & Finn 2019) clusters the outcome on mini-ImageNet.

A training step sees a batch, never the whole data. So this departs from the paper:

- The clustering is of the last `bank` images met, in place of all, every `refresh` steps, in
  place of once an epoch.
- An image met after it takes the nearest centroid, by the network as it was at the clustering.
- Images come as they come; the loss weighs each inversely to the size of its cluster (at most
  ten times the mean), where the paper draws clusters with equal chances.
- The network is Conv4, without the Sobel filter, trained by Adam. Images are turned and shifted a
  little, where the paper crops and mirrors; no character is its mirror image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import Learner, Metrics
from metabench.errors import UserError
from metabench.learners.common.neighbours import by_nearest
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.unlabelled.base import Embedder, check_positive
from metabench.learners.unlabelled.k_means import Clusters, Whitening, k_means, whitening
from metabench.nets.coder import pixels
from metabench.nets.conv4 import Conv4, conv4_features
from metabench.nets.functional import Functional, functional
from metabench.nets.jitter import jitter
from metabench.types import ImagesShape, ImageTaskShape, PyTree

HEAVIEST = 10.0  # weight of an image in a small cluster, in units of that in one of mean size
CHUNK = 256  # images of the bank that are embedded at once
ROUNDS = 10  # of k-means


class Teacher(NamedTuple):
    """The network as it was at the last clustering, and the clusters: it gives the labels."""

    params: PyTree
    stats: PyTree
    whitening: Whitening
    clusters: Clusters


class State(NamedTuple):
    """What is carried through training."""

    params: dict[str, PyTree]  # "backbone" and "head"
    stats: PyTree
    optimizer: PyTree
    teacher: Teacher
    bank: jax.Array  # uint8 [bank, h, w, c], the newest first
    step: jax.Array  # int32 []


class Schedule(NamedTuple):
    """When the images are clustered, and into what."""

    clusters: int
    components: int
    refresh: int

    def due(self, step: jax.Array, filled: int) -> jax.Array:
        """At the first step whose bank is full, `filled`, and every `refresh` steps from there."""
        return (step >= filled) & ((step - filled) % self.refresh == 0)


def deepcluster(
    shape: ImageTaskShape,
    *,
    clusters: int = 500,
    components: int = 256,
    refresh: int = 500,
    bank: int = 4096,
    width: int = 64,
    images: int = 64,
    learning_rate: float = 1e-3,
    decay: Decay = "constant",
    steps: int = 10_000,
) -> Learner:
    """Cosine nearest neighbour on the features of a Conv4 that was trained to tell clusters apart.

    Args:
      shape: of the test.
      clusters: pseudo-classes.
      components: principal components that are clustered, as far as there are so many.
      refresh: steps from one clustering to the next.
      bank: images that are clustered: the last ones met. Nothing is learned until there are so
        many.
      width: channels of each block of Conv4.
      images: in a training batch.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      steps: length of training, for the decay.

    Reference: https://arxiv.org/abs/1807.05520
    """
    check_positive(components=components, refresh=refresh, images=images, clusters=clusters)
    if bank < clusters:
        raise UserError(
            f"`bank` is {bank}; it must be at least `clusters`, {clusters}, since each of them "
            "begins at an image of its own"
        )
    features = conv4_features(shape.image, width)
    components = min(components, features)
    net = functional(lambda rngs: Conv4(shape.image[2], width=width, rngs=rngs))
    optimizer = adam(learning_rate, decay, steps)

    def init(key: jax.Array) -> State:
        backbone, stats = net.init(key)
        params = {"backbone": backbone, "head": head(features, clusters)}
        none = Clusters(jnp.zeros((clusters, components)), jnp.full(clusters, 1 / clusters))
        plain = Whitening(jnp.zeros(features), jnp.zeros((features, components)))
        before, averages = jax.tree.map(jnp.copy, (backbone, stats))
        teacher = Teacher(before, averages, plain, none)
        images = jnp.zeros((bank, *shape.image), jnp.uint8)
        return State(params, stats, optimizer.init(params), teacher, images, jnp.int32(0))

    def embed(state: State | Embedder, xs: jax.Array) -> jax.Array:
        one = _kept(state)
        return net.apply(one.params, one.stats, pixels(xs))[0]

    adapt, predict = by_nearest(embed, shape.way, _kept)
    return Learner(
        init=init,
        adapt=adapt,
        predict=predict,
        train=_training(net, optimizer, Schedule(clusters, components, refresh)),
        parameters=lambda state: state.params,
        train_shape=ImagesShape(images, shape.image),
        embed=embed,
    )


def head(features: int, clusters: int) -> dict[str, jax.Array]:
    """A linear layer that prefers no cluster yet."""
    return {"matrix": jnp.zeros((features, clusters)), "bias": jnp.zeros(clusters)}


def regroup(net: Functional, schedule: Schedule, state: State, key: jax.Array) -> State:
    """Clusters the bank by the network as it is: the next teacher. The head begins anew."""
    params, stats = state.params["backbone"], state.stats
    found = jax.lax.map(
        lambda image: net.apply(params, stats, pixels(image[None]))[0][0],
        state.bank,
        batch_size=CHUNK,
    )
    whitened = whitening(found, schedule.components)
    clusters = k_means(key, whitened(found), schedule.clusters, ROUNDS)

    def anew(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
        """Zero for what belongs to the head: itself, and its moments in the optimizer."""
        return jnp.zeros_like(leaf) if jax.tree_util.DictKey("head") in path else leaf

    return state._replace(
        params=jax.tree_util.tree_map_with_path(anew, state.params),
        optimizer=jax.tree_util.tree_map_with_path(anew, state.optimizer),
        teacher=Teacher(params, stats, whitened, clusters),
    )


def weights(clusters: Clusters, labels: jax.Array) -> jax.Array:
    """Of each image in the loss, [n]: inverse to the size of its cluster."""
    mean = 1 / clusters.shares.shape[0]
    return jnp.minimum(mean / jnp.maximum(clusters.shares, 1e-9), HEAVIEST)[labels]


def _kept(state: State | Embedder) -> Embedder:
    if isinstance(state, Embedder):
        return state
    return Embedder(state.params["backbone"], state.stats)


def _training(
    net: Functional, optimizer: optax.GradientTransformation, schedule: Schedule
) -> Callable[[State, jax.Array, jax.Array], tuple[State, Metrics]]:
    """One step down the cross-entropy of the pseudo-labels; before it, now and then, new ones."""

    def loss(
        params: PyTree, stats: PyTree, x: jax.Array, labels: jax.Array, weight: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, PyTree]]:
        features, stats = net.apply(params["backbone"], stats, x, train=True)
        scores = features @ params["head"]["matrix"] + params["head"]["bias"][None]
        error = optax.softmax_cross_entropy_with_integer_labels(scores, labels)
        accuracy = (scores.argmax(-1) == labels).mean()
        return (error * weight).sum() / weight.sum(), (accuracy, stats)

    def train(state: State, images: jax.Array, key: jax.Array) -> tuple[State, Metrics]:
        grouping, moving = jax.random.split(key)
        met = images.reshape(-1, *images.shape[2:])
        size = state.bank.shape[0]
        filled = -(-size // met.shape[0]) - 1  # the first step after which the bank is full
        state = state._replace(bank=jnp.concatenate([met, state.bank])[:size])
        state = jax.lax.cond(
            schedule.due(state.step, filled),
            lambda state: regroup(net, schedule, state, grouping),
            lambda state: state,
            state,
        )
        teacher = state.teacher
        features, _ = net.apply(teacher.params, teacher.stats, pixels(met))
        labels = teacher.clusters.nearest(teacher.whitening(features))
        gradient = jax.value_and_grad(loss, has_aux=True)
        (error, (accuracy, stats)), grads = gradient(
            state.params, state.stats, jitter(moving, pixels(met)), labels,
            weights(teacher.clusters, labels),
        )  # fmt: skip
        updates, moments = optimizer.update(grads, state.optimizer, state.params)
        params, moments = jax.tree.map(
            lambda new, old: jnp.where(state.step >= filled, new, old),
            (optax.apply_updates(state.params, updates), moments),
            (state.params, state.optimizer),
        )
        state = State(params, stats, moments, teacher, state.bank, state.step + 1)
        return state, {"loss": error, "accuracy": accuracy}

    return train
