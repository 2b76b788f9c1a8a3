"""Supervised contrastive pretraining (Khosla, Teterwak, Wang, Sarna, Tian, Isola et al. 2020).

The loss draws images of one class together on the unit sphere and pushes all others apart: an
anchor should find its positives among all other images of the batch, by a softmax over cosines. An
option says whether positives are averaged outside the logarithm or inside it (equations 2 and 3;
the paper recommends the first).

A projection head above the normalised embedding is used only in training (section 3.1). In an
episode a query takes the class whose mean embedding it makes the smallest angle with.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float, Int

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import UNSAID, Count, Rate, with_options
from metabench.errors import UserError
from metabench.learners.common.backbone import AnyBackbone, PlainNorm
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.neighbours import unit
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.learners.pretrained.base import pretrained
from metabench.nets.jitter import detailed, jitter
from metabench.types import EpisodeShape, ImageShape

LogPosition = Literal["outside", "inside"]


class ProjectionHead(nnx.Module):
    """A layer as wide as the embedding, ReLU, and a layer of `size` units."""

    def __init__(self, features: int, size: int, rngs: nnx.Rngs) -> None:
        self.hidden = nnx.Linear(features, features, rngs=rngs)
        self.last = nnx.Linear(features, size, rngs=rngs)

    def outputs(self, features: jax.Array) -> jax.Array:
        """[n, features] to unit vectors [n, size]."""
        return unit(self.last(jax.nn.relu(self.hidden(unit(features)))))


def contrastive(
    vectors: Float[jax.Array, "n size"],
    classes: Int[jax.Array, " n"],
    *,
    temperature: float,
    log_position: LogPosition,
) -> tuple[jax.Array, jax.Array]:
    """The supervised contrastive loss, and how often the nearest other vector has the same class.

    With p(j|i) the softmax of i's cosines divided by the temperature, over all j but i, and P(i)
    the others of i's class: `outside` is the mean of -log p over P(i) (equation 2), `inside` is
    -log of the mean of p over P(i) (equation 3). Anchors without a positive are left out.

    Raises:
      UserError: shapes that do not go together.
    """
    if vectors.ndim != 2 or classes.shape != vectors.shape[:1]:
        raise UserError(
            f"`vectors` and `classes` have the shapes {list(vectors.shape)} and "
            f"{list(classes.shape)}; they must be [n, size] and [n]"
        )
    same = classes[:, None] == classes[None]
    others = ~jnp.eye(classes.shape[0], dtype=bool)
    positive = same & others
    number = positive.sum(1)
    similarity = jnp.where(others, vectors @ vectors.T / temperature, -jnp.inf)
    log_p = jax.nn.log_softmax(similarity)
    if log_position == "outside":
        error = -jnp.where(positive, log_p, 0.0).sum(1) / jnp.maximum(number, 1)
    else:
        share = jnp.where(positive, log_p, -jnp.inf)
        found = jax.nn.logsumexp(jnp.where(number[:, None] > 0, share, 0.0), axis=1)
        error = jnp.log(jnp.maximum(number, 1)) - found
    anchors = number > 0
    nearest = jnp.take_along_axis(positive, similarity.argmax(1)[:, None], axis=1)[:, 0]
    total = jnp.maximum(anchors.sum(), 1)
    return jnp.where(anchors, error, 0.0).sum() / total, (nearest & anchors).sum() / total


def jittered(
    number: int, image: ImageShape, key: jax.Array, images: jax.Array, classes: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """`number` views of each image, rotated and shifted at random; for 1, the images unchanged.

    Args:
      number: of views.
      image: height, width and channels of a view.
      key: of the draws.
      images: uint8 [n, h, w, channels]; for several views they may be detailed.
      classes: int32 [n].
    """
    if number == 1:
        return images, classes
    copies = jnp.concatenate([images] * number)
    return jitter(key, copies, image), jnp.concatenate([classes] * number)


@with_options
def supcon(
    shape: EpisodeShape,
    *,
    log_position: LogPosition = "outside",
    temperature: Rate = 0.1,
    projection: Count = 128,
    views: Count = 1,
    width: Count = 64,
    norm: Annotated[PlainNorm, UNSAID] = "running",
    network: AnyBackbone = AnyBackbone(),
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """Supervised contrastive pretraining of Conv4, then nearest class means by cosine.

    A batch is an episode: `train_way` classes with `train_shot` + `train_query` images of each.

    Args:
      shape: of the test episodes.
      log_position: `outside` the mean over positives (equation 2), or `inside`, before the
        logarithm (equation 3).
      temperature: divisor of the cosines (0.1 in the paper).
      projection: units of the projection (128 in the paper).
      views: random views of each image, each turned and shifted a little (2 in the paper, by other
        changes); 1 for the images as they are, where a class's other images are the positives.
      width: channels of each block of Conv4.
      norm: statistics that normalise, those of the batch in training and their averages in the
        test, or those of each image.
      network: what embeds images, where it is not Conv4.
      episodes: of training, where they differ from the test's; only images and classes are used.
      optimizer: of the pretraining.

    Reference: https://arxiv.org/abs/2004.11362
    """
    backbone = network.embedding(shape.image, width, norm)
    features = backbone.features
    train_shape = training_shape(shape, episodes)
    if views > 1:
        train_shape = replace(train_shape or shape, image=detailed(shape.image))

    def make(rngs: nnx.Rngs) -> MetricNet:
        module = backbone.make(rngs)  # its first weights are drawn before those of the head
        return MetricNet(module, ProjectionHead(features, projection, rngs), backbone.passes)

    return pretrained(
        make,
        adam(optimizer),
        shape,
        train_shape=train_shape,
        objective=partial(contrastive, temperature=temperature, log_position=log_position),
        views=partial(jittered, views, shape.image),
    )
