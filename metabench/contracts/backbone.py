"""The backbone contract: a network from images to features, as every learner can use it.

A backbone is made by a keyword factory from the shape of an image, `factory(image, *, options)`.
It is pure functions over pytrees, so any library, or none, can write it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from metabench.types import PyTree

if TYPE_CHECKING:
    import jax

Apply: TypeAlias = "Callable[..., tuple[jax.Array, PyTree]]"
BackboneFactory: TypeAlias = Callable[..., "Backbone"]


class Backbone(NamedTuple):
    """A network that embeds images of one shape."""

    init: Callable[[jax.Array], tuple[PyTree, PyTree]]
    """`init(key) -> (params, stats)`: floating-point arrays that are learned, and arrays that
    `apply` renews in training, such as running averages; both may be any pytree."""
    apply: Apply
    """`apply(params, stats, images, *, train, key) -> (features, stats)`.

    images: float32 [n, height, width, channels], from 0 to 1. features: float32 [n, features].
    `train` says whose statistics normalise, where that makes a difference, and that `stats` are
    renewed; the number of images differs from call to call. `key` is what a network that draws
    random numbers draws them from. Without a key, None, nothing is drawn: the answer is always the
    same. MAML asks for second derivatives in `params`."""
    features: int
    """How many numbers stand for an image."""
    transductive: bool = False
    """Whether, with `train=False`, the features of an image may depend on the other images."""
    module: Callable[[Any], Any] | None = None
    """`module(rngs)`: the same network as a Flax NNX module, called with the images, `train` and
    `key`. A learner then holds its arrays by their names; it makes no other difference."""
