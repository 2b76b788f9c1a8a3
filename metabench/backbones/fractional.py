"""`fractional`: convolutions between fractional max poolings (`nets/fractional.py`)."""

from __future__ import annotations

from typing import Annotated, Literal

from metabench.backbones.of_module import of_module
from metabench.contracts.backbone import Backbone
from metabench.contracts.options import Between, Count, with_options
from metabench.nets.fractional import FractionalNet, Regions
from metabench.nets.normalise import Norm, check_norm
from metabench.types import ImageShape

Features = Literal["all", "mean"]
"""What an image is: `all` numbers of the last maps, or their `mean` over the pixels."""


@with_options
def fractional(
    image: ImageShape,
    *,
    width: Count = 64,
    norm: Norm = "running",
    blocks: Count = 6,
    alpha: Annotated[float, Between(1, 2)] = 2**0.5,
    regions: Regions = "pseudorandom",
    overlapping: bool = True,
    features: Features = "all",
) -> Backbone:
    """Blocks of a convolution, normalisation, ReLU and fractional max pooling.

    Args:
      image: height, width and channels of an image.
      width: channels of each block.
      norm: statistics that normalise.
      blocks: convolutions; each is followed by a pooling, until maps have two or three pixels
        along a side.
      alpha: by what factor a pooling shrinks a map (√2 and ∛2 in the paper).
      regions: how the pooled regions are drawn: `pseudorandom` or `random`; `halves` pools 2×2
        windows after every second convolution instead, for comparison.
      overlapping: whether neighbouring regions share a row or column.
      features: `all` numbers of the last maps, or their `mean` over the pixels.

    Reference: https://arxiv.org/abs/1412.6071
    """
    check_norm(norm, width)
    return of_module(
        lambda rngs: FractionalNet(
            image[2],
            width=width,
            blocks=blocks,
            alpha=alpha,
            regions=regions,
            overlapping=overlapping,
            norm=norm,
            mean=features == "mean",
            rngs=rngs,
        ),
        image,
        transductive=norm == "batch",
    )
