"""The whole network that an episode adapts: a backbone and a linear layer."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from flax import nnx

from metabench.errors import UserError
from metabench.learners.common.backbone import CONV4, AnyBackbone
from metabench.nets.classifier import Classifier, Layout, Norm
from metabench.nets.functional import Functional, functional
from metabench.nets.plugged import Headed
from metabench.types import EpisodeShape


class Whole(NamedTuple):
    """A classifier as pure functions."""

    net: Functional  # uint8 images [n, h, w, c], `train` and `key`, to logits [n, way]
    transductive: bool


def classifier(
    shape: EpisodeShape,
    network: AnyBackbone,
    width: int,
    norm: Norm,
    layout: Layout = Layout(),
) -> Whole:
    """The classifier of the classes of an episode, for weights that differ between episodes.

    Conv4 is made of operations that are fast then, and may have other layouts.

    Args:
      shape: of the episodes.
      network: which backbone.
      width: channels of each block.
      norm: statistics that normalise.
      layout: of Conv4.

    Raises:
      UserError: as of `AnyBackbone.embedding`, or another layout of another network than Conv4.
    """
    if network.backbone == CONV4:
        if network.backbone_settings:
            raise UserError(
                "`backbone_settings` are given for `backbone` conv4, whose options are those of "
                "the learner itself: set these"
            )
        return Whole(
            functional(partial(Classifier, shape, width, norm, layout=layout)), norm == "batch"
        )
    for option, value, usual in zip(Layout._fields, layout, Layout(), strict=True):
        if value != usual:
            raise UserError(
                f"`{option}` is {value!r}, an option of `backbone` conv4 alone; `backbone` is "
                f"{network.backbone}"
            )
    backbone = network.embedding(shape.image, width, norm)

    def make(rngs: nnx.Rngs) -> Headed:
        module = backbone.make(rngs)
        return Headed(module, backbone.features, shape.way, backbone.passes, rngs)

    return Whole(functional(make), backbone.transductive)
