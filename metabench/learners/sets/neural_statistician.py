"""The Neural Statistician (Edwards & Storkey 2017): sets, not samples.

A variational model of sets of images with a context c for each set. It is meta-trained without
labels of queries: labels only say which images make a set. A class is then q(c | D_k) of its
supports, and a query goes to the class whose context is nearest to q(c | x) by
Kullback-Leibler divergence (section 5.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.compute.episodewise import over_episodes
from metabench.contracts.learner import TEST_ONLY, Learner, Metrics
from metabench.errors import UserError
from metabench.learners.common.optimizer import Decay, adam
from metabench.nets.distort import STRONGEST
from metabench.nets.functional import Functional, functional
from metabench.nets.statistician.gaussians import Gaussian, kl_between
from metabench.nets.statistician.images import PaperDecoder, PaperEncoder
from metabench.nets.statistician.model import Sizes, Statistician
from metabench.nets.statistician.small_images import SmallDecoder, SmallEncoder
from metabench.nets.statistician.training_sets import TrainingSets
from metabench.types import Episode, EpisodeShape, ImageShape, PyTree

Direction = Literal["class_to_query", "query_to_class"]

Network = Literal["small", "paper"]
NETWORKS = {"small": (SmallEncoder, SmallDecoder), "paper": (PaperEncoder, PaperDecoder)}


class State(NamedTuple):
    """What is carried through meta-training."""

    params: PyTree
    stats: PyTree
    optimizer: PyTree
    step: jax.Array  # int32 []


class Task(NamedTuple):
    """The network, and the context of each class."""

    params: PyTree
    stats: PyTree
    classes: Gaussian  # [way, context]


class Annealing(NamedTuple):
    """The loss is -((1 + α) log-likelihood - KL / (1 + α)), α halved now and then."""

    first: float
    half_life: int | None  # steps; None: it stays

    def __call__(self, step: jax.Array) -> jax.Array:
        """α at a step."""
        if self.half_life is None:
            return jnp.float32(self.first)
        return self.first * 0.5 ** (step // self.half_life).astype(jnp.float32)


def neural_statistician(
    shape: EpisodeShape,
    *,
    direction: Annotated[Direction, TEST_ONLY] = "class_to_query",
    network: Network = "small",
    width: int = 64,
    hidden: int = 256,
    context: int = 512,
    latent: int = 16,
    latent_layers: int = 1,
    set_size: int = 5,
    train_way: int = 16,
    drop: float = 0.5,
    rotate: bool = False,
    reflect: bool = True,
    distort: float = 0.0,
    distort_chance: float = 1.0,
    dilate: float = 0.5,
    binarise: bool = True,
    annealing: float = 1.0,
    half_life: int | None = None,
    learning_rate: float = 1e-3,
    decay: Decay = "constant",
    clamp: float = 0.5,
    steps: int = 10_000,
) -> Learner:
    """The Neural Statistician.

    Args:
      shape: of the test episodes.
      direction: `class_to_query` is KL(q(c | D_k) ‖ q(c | x)), as in the public codes;
        `query_to_class` the other way round.
      network: `paper` has nine convolutions in the encoder and as many in the decoder; `small` has
        three and two.
      width: channels of each convolution of `small`, of the first three of `paper`, whose others
        have 2 and 4 times as many.
      hidden: units of the dense layers.
      context: numbers in c.
      latent: numbers in each z.
      latent_layers: how many z there are.
      set_size: images in a training set.
      train_way: sets in a training episode, each of another class.
      drop: chance that a member is left out of what the context is inferred from.
      rotate: turn each training set by a random quarter. Needless where the split has rotated
        classes of its own.
      reflect: mirror each training set with probability 1/2.
      distort: infer the contexts of training sets from copies of their members, each with an
        affine distortion of its own, and explain the members as they are: a context then tells
        little of slant, size and place. 0: no copies; 1: with the ranges of `nets/distort.py`,
        as hands differ; 2: twice these.
      distort_chance: chance that a context is inferred from a member's copy and not from the member
        itself; members that stay are drawn one by one.
      dilate: chance that a training image is dilated.
      binarise: draw each training pixel anew as 0 or 1, with its grey value as the chance.
      annealing: α at the start.
      half_life: steps after which α is halved, every time (the paper: an epoch); None: it stays,
        which weighs contexts and latents less and lets them tell more.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      clamp: every entry of a gradient is clamped to ± this.
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1606.02185
    """
    net = network_of(shape.image, network, width, Sizes(context, latent, latent_layers, hidden))
    training_sets = TrainingSets(rotate, reflect, dilate, binarise, drop, distort, distort_chance)
    _check(direction, set_size, train_way, training_sets, annealing, half_life, clamp)
    if rotate and shape.image[0] != shape.image[1]:
        raise UserError("`rotate` is True; it must be False for images that are not square")
    optimizer = optax.chain(optax.clip(clamp), adam(learning_rate, decay, steps))

    def init(key: jax.Array) -> State:
        params, stats = net.init(key)
        return State(params, stats, optimizer.init(params), jnp.int32(0))

    def embed(state: State, images: jax.Array) -> jax.Array:
        """The mean of q(c | the image alone)."""
        alone = jnp.eye(images.shape[0])
        return net.apply(state.params, state.stats, "posterior", pixels(images), alone)[0].mean

    adapt, predict = _classification(net, shape, direction)
    return Learner(
        init=init,
        adapt=adapt,
        predict=predict,
        train=_training(net, optimizer, training_sets, Annealing(annealing, half_life)),
        parameters=lambda state: state.params,
        train_shape=EpisodeShape(train_way, set_size - 1, 1, shape.image),
        apart=True,
        embed=embed,
    )


def network_of(image: ImageShape, network: str, width: int, sizes: Sizes) -> Functional:
    """The model of sets of images of shape `image`; the arguments are those of the learner.

    Raises:
      UserError: no such network, or a size below 1.
    """
    if network not in NETWORKS:
        raise UserError(f"`network` is {network!r}; it must be one of: {', '.join(NETWORKS)}")
    _check_sizes(
        width=width,
        hidden=sizes.hidden,
        context=sizes.context,
        latent=sizes.latent,
        latent_layers=sizes.layers,
    )
    encoder, decoder = NETWORKS[network]

    def make(rngs: nnx.Rngs) -> Statistician:
        return Statistician(
            encoder(image, width, rngs),
            lambda inputs: decoder(inputs, image, width, rngs),
            sizes,
            rngs,
        )

    return functional(make)


def _check(
    direction: str,
    set_size: int,
    train_way: int,
    changes: TrainingSets,
    annealing: float,
    half_life: int | None,
    clamp: float,
) -> None:
    if direction not in get_args(Direction):
        allowed = ", ".join(get_args(Direction))
        raise UserError(f"`direction` is {direction!r}; it must be one of: {allowed}")
    if set_size < 2:
        raise UserError(f"`set_size` is {set_size}; a training set needs at least 2 members")
    if train_way < 2:
        raise UserError(f"`train_way` is {train_way}; batch norm needs at least 2 sets")
    for name in ("drop", "distort_chance", "dilate"):
        chance = getattr(changes, name)
        if not 0 <= chance <= 1:
            raise UserError(f"`{name}` is {chance}; it must be from 0 to 1")
    if not 0 <= changes.distort <= STRONGEST:
        raise UserError(f"`distort` is {changes.distort}; it must be from 0 to {STRONGEST}")
    if annealing < 0:
        raise UserError(f"`annealing` is {annealing}; it must be 0 or more")
    if half_life is not None and half_life < 1:
        raise UserError(f"`half_life` is {half_life}; it must be at least 1")
    if not clamp > 0:
        raise UserError(f"`clamp` is {clamp}; it must be positive")


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise UserError(f"`{name}` is {size}; it must be at least 1")


def pixels(images: jax.Array) -> jax.Array:
    """uint8 to floats from 0 to 1."""
    return images.astype(jnp.float32) / 255


def sets_of(episode: Episode) -> jax.Array:
    """An episode as sets, one for each class: uint8 [way, members, h, w, c].

    Supports and the query of a class make its set; labels do no more than say which these are.
    """
    (way,) = episode.class_ids.shape
    image = episode.support_x.shape[1:]
    queries = episode.query_x[jnp.argsort(episode.query_y)]  # one query of each class
    supports = episode.support_x.reshape(way, -1, *image)
    return jnp.concatenate([supports, queries[:, None]], axis=1)


def _training(
    net: Functional,
    optimizer: optax.GradientTransformation,
    training_sets: TrainingSets,
    annealing: Annealing,
) -> Callable[[State, Episode, jax.Array], tuple[State, Metrics]]:
    """One step up the mean annealed bound of a batch of episodes.

    Batch norm sees the sets of one episode, so that episodes can be spread over devices. The loss
    that is told is the bound's negative per image.
    """

    def loss(
        params: PyTree, stats: PyTree, step: jax.Array, episode: Episode, key: jax.Array
    ) -> tuple[jax.Array, tuple[Metrics, PyTree]]:
        set_key, sample_key = jax.random.split(key)
        told = training_sets(set_key, pixels(sets_of(episode)))
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
        updates, moments = optimizer.update(grads, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        return State(params, stats, moments, state.step + 1), metrics

    return train


def _classification(
    net: Functional, shape: EpisodeShape, direction: Direction
) -> tuple[Callable[..., Task], Callable[[Task, jax.Array], jax.Array]]:
    """Contexts of the classes, and the negative divergence between them and those of queries."""

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del key  # the posterior is compared whole, nothing is drawn
        member = jax.nn.one_hot(support_y, shape.way, axis=0)
        params, stats = state.params, state.stats
        classes, _ = net.apply(params, stats, "posterior", pixels(support_x), member)
        return Task(params, stats, classes)

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        alone = jnp.eye(query_x.shape[0])
        queries, _ = net.apply(task.params, task.stats, "posterior", pixels(query_x), alone)
        return -kl_between(queries, task.classes, from_queries=direction == "query_to_class")

    return adapt, predict
