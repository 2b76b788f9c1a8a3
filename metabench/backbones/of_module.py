"""A backbone from a Flax NNX module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from metabench.contracts.backbone import Backbone
from metabench.nets.functional import functional
from metabench.types import ImageShape


def of_module(
    module: Callable[[Any], Any], image: ImageShape, *, transductive: bool = False
) -> Backbone:
    """The backbone whose network is the module that `module(rngs)` makes.

    Args:
      module: makes a module that is called with images in [0, 1] [n, *image], `train` and `key`,
        and returns features [n, any number].
      image: height, width and channels of an image.
      transductive: whether features depend on the other images, with `train=False`.
    """
    net = functional(module)
    params, stats = jax.eval_shape(net.init, jax.random.key(0))
    one = jax.ShapeDtypeStruct((1, *image), jnp.float32)
    found = jax.eval_shape(net.apply, params, stats, one)[0]
    return Backbone(net.init, net.apply, found.shape[-1], transductive, module)
