"""`strided4`: MAML's network for Omniglot (`nets/strided4.py`)."""

from __future__ import annotations

from typing import Literal

from metabench.backbones.of_module import of_module
from metabench.contracts.backbone import Backbone
from metabench.contracts.options import Count, with_options
from metabench.nets.normalise import Norm, check_norm
from metabench.nets.strided4 import Strided4
from metabench.types import ImageShape

Features = Literal["all", "mean"]
"""What an image is: `all` numbers of the last maps, or their `mean` over the pixels."""


@with_options
def strided4(
    image: ImageShape, *, width: Count = 64, norm: Norm = "running", features: Features = "all"
) -> Backbone:
    """Four times 3×3 convolution of stride 2, normalisation and ReLU.

    Args:
      image: height, width and channels of an image.
      width: channels of each block.
      norm: statistics that normalise.
      features: `all` numbers of the last maps, or their `mean` over the pixels, as in MAML's code.

    Reference: https://arxiv.org/abs/1703.03400, https://github.com/cbfinn/maml
    """
    check_norm(norm, width)
    mean = features == "mean"
    return of_module(
        lambda rngs: Strided4(image[2], width=width, norm=norm, mean=mean, rngs=rngs),
        image,
        transductive=norm == "batch",
    )
