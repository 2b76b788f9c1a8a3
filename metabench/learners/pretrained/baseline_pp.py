"""Baseline++ (Chen, Liu, Kira, Wang & Huang 2019): a classifier by cosine, then fit vectors.

A class is a vector; its logit is the cosine with an embedding, times a scale (section 3.2). This
draws the embeddings of a class together. The authors' code gives each class a learned factor too,
and the scale is 2 up to 200 classes and 10 above. An episode fits a vector for each class to the
supports, or takes the nearest class mean by cosine.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import UNSAID, Count, Rate, with_options
from metabench.learners.common.backbone import AnyBackbone, PlainNorm
from metabench.learners.common.metric import MetricNet
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.training_shape import TrainingEpisodes, training_shape
from metabench.learners.pretrained.base import cosines, pretrained
from metabench.learners.pretrained.fitting import Fitting, Layer, uniform
from metabench.types import EpisodeShape

FEW, FEW_SCALE, MANY_SCALE = 200, 2.0, 10.0  # as in the authors' code


class Vectors(NamedTuple):
    """A vector for each class, whose length plays no part, and a factor of each cosine."""

    vectors: jax.Array  # [classes, features]
    factors: jax.Array | None  # [classes]; None for 1

    def logits(self, features: jax.Array, *, scale: float) -> jax.Array:
        """[n, features] to [n, classes]."""
        found = scale * cosines(self.vectors, features)
        return found if self.factors is None else found * self.factors[None]


def first_vectors(key: jax.Array, features: int, classes: int, *, factors: bool) -> Vectors:
    """Random vectors; each factor, where there are factors, is the length of its vector."""
    drawn = uniform(key, (classes, features), features)
    return Vectors(drawn, jnp.linalg.norm(drawn, axis=1) if factors else None)


def scale_for(scale: float | None, classes: int) -> float:
    """The scale of the cosines with `classes` vectors; that of the authors' code for None."""
    if scale is not None:
        return scale
    return FEW_SCALE if classes <= FEW else MANY_SCALE


class CosineClassifier(nnx.Module):
    """A vector for each of all training classes."""

    def __init__(self, first: Vectors, scale: float) -> None:
        self.vectors = nnx.Param(first.vectors)
        self.factors = None if first.factors is None else nnx.Param(first.factors)
        self.scale = scale

    def outputs(self, features: jax.Array) -> jax.Array:
        """[n, features] to [n, classes]."""
        factors = None if self.factors is None else self.factors[...]
        return Vectors(self.vectors[...], factors).logits(features, scale=self.scale)


@with_options
def baseline_pp(
    shape: EpisodeShape,
    *,
    scale: Rate | None = None,
    class_factors: bool = True,
    classes: Count = 10_000,
    fitting: Fitting = Fitting(),
    width: Count = 64,
    norm: Annotated[PlainNorm, UNSAID] = "running",
    network: AnyBackbone = AnyBackbone(),
    episodes: TrainingEpisodes = TrainingEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """A cosine classifier of all training classes on Conv4, then fitted vectors or nearest means.

    Args:
      shape: of the test episodes.
      scale: factor of all cosines; None for 2 up to 200 classes and 10 above, so that it may differ
        between training and test.
      class_factors: learn a factor for each class beside its vector, as the authors' code does;
        the paper's equation has none.
      classes: of the training; a run sets it.
      fitting: what an episode makes of its supports.
      width: channels of each block of Conv4.
      norm: statistics that normalise, those of the batch in training and their averages in the
        test, or those of each image.
      network: what embeds images, where it is not Conv4.
      episodes: of training, where they differ from the test's; only images and classes are used.
      optimizer: of the pretraining.

    Reference: https://arxiv.org/abs/1904.04232
    """
    backbone = network.embedding(shape.image, width, norm)
    features = backbone.features
    first = partial(first_vectors, factors=class_factors)

    def make(rngs: nnx.Rngs) -> MetricNet:
        module = backbone.make(rngs)  # its first weights are drawn before those of the head
        vectors = first(rngs.params(), features, classes)
        return MetricNet(
            module, CosineClassifier(vectors, scale_for(scale, classes)), backbone.passes
        )

    score = partial(Vectors.logits, scale=scale_for(scale, shape.way))
    return pretrained(
        make,
        adam(optimizer),
        shape,
        train_shape=training_shape(shape, episodes),
        layer=Layer(first, score),
        fitting=fitting,
    )
