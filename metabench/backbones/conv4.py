"""`conv4`: the four blocks of most few-shot papers (`nets/conv4.py`)."""

from __future__ import annotations

from metabench.backbones.of_module import of_module
from metabench.contracts.backbone import Backbone
from metabench.contracts.options import Count, with_options
from metabench.nets.conv4 import Conv4, Norm, check_norm, conv4_features
from metabench.types import ImageShape


@with_options
def conv4(image: ImageShape, *, width: Count = 64, norm: Norm = "running") -> Backbone:
    """Four times 3×3 convolution, normalisation, ReLU and 2×2 max pooling.

    Gradient learners have an equal network of other operations in its place, with options of its
    own (`nets/classifier.py`).

    Args:
      image: height, width and channels of an image.
      width: channels of each block.
      norm: statistics that normalise.

    Reference: https://arxiv.org/abs/1606.04080, https://arxiv.org/abs/1703.05175
    """
    check_norm(norm, width)
    conv4_features(image, width)  # raises on an image that is too small
    return of_module(
        lambda rngs: Conv4(image[2], width=width, norm=norm, rngs=rngs),
        image,
        transductive=norm == "batch",
    )
