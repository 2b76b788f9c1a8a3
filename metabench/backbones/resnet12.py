"""`resnet12`, and a narrow one that trains on a CPU (`nets/resnet12.py`)."""

from __future__ import annotations

from typing import Annotated, Literal

from metabench.backbones.of_module import of_module
from metabench.contracts.backbone import Backbone
from metabench.contracts.options import Count, FromTo, with_options
from metabench.nets.conv4 import conv4_features
from metabench.nets.normalise import Norm, check_norm
from metabench.nets.resnet12 import Dropping, ResNet12
from metabench.types import ImageShape

Features = Literal["mean", "all"]
"""What an image is: the `mean` of the last maps over the pixels, or `all` numbers of them."""
RATIOS = (1.0, 2.5, 5.0, 10.0)  # 64-160-320-640
NARROW = (0.25, 0.5, 0.75, 1.0)  # 16-32-48-64
Share = Annotated[float, FromTo(0, 0.9)]


@with_options
def resnet12(
    image: ImageShape,
    *,
    width: Count = 64,
    norm: Norm = "running",
    drop: Share = 0.0,
    drop_size: Count = 5,
    features: Features = "mean",
) -> Backbone:
    """Four blocks of three convolutions with 64, 160, 320 and 640 channels.

    Args:
      image: height, width and channels of an image.
      width: channels of the first block; the others are 2.5, 5 and 10 times as wide.
      norm: statistics that normalise.
      drop: share of each map that is dropped in training, after every block (0.1 in the code of Lee
        et al. 2019).
      drop_size: side of the squares in which the last two blocks drop it; the first two drop
        single numbers.
      features: `mean` of the last maps over their pixels, as in Tian et al. 2020, or `all` numbers
        of them, as in Lee et al. 2019.

    Reference: https://arxiv.org/abs/1805.10123, https://arxiv.org/abs/1904.03758
    """
    return _of_widths(image, RATIOS, width, norm, Dropping(drop, drop_size), features)


@with_options
def resnet12_narrow(
    image: ImageShape,
    *,
    width: Count = 64,
    norm: Norm = "running",
    drop: Share = 0.0,
    drop_size: Count = 5,
    features: Features = "mean",
) -> Backbone:
    """The same with 16, 32, 48 and 64 channels, for a CPU.

    Args:
      image: height, width and channels of an image.
      width: channels of the last block; the others have a quarter, a half and three quarters.
      norm: statistics that normalise.
      drop: as of `resnet12`.
      drop_size: as of `resnet12`.
      features: as of `resnet12`.
    """
    return _of_widths(image, NARROW, width, norm, Dropping(drop, drop_size), features)


def _of_widths(
    image: ImageShape,
    ratios: tuple[float, float, float, float],
    width: int,
    norm: Norm,
    dropping: Dropping,
    features: Features,
) -> Backbone:
    first, second, third, fourth = (max(1, round(width * ratio)) for ratio in ratios)
    widths = (first, second, third, fourth)
    check_norm(norm, *widths)
    conv4_features(image, width)  # raises on an image that is too small for four halvings
    mean = features == "mean"
    return of_module(
        lambda rngs: ResNet12(
            image[2], widths=widths, norm=norm, dropping=dropping, mean=mean, rngs=rngs
        ),
        image,
        transductive=norm == "batch",
    )
