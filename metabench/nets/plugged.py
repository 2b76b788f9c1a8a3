"""A backbone of any origin within a network of Flax NNX."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.nets.pixels import pixels
from metabench.types import PyTree


class Plugged(nnx.Module):
    """Pure functions as a module: its parameters are the leaves of their pytrees."""

    def __init__(
        self,
        init: Callable[[jax.Array], tuple[PyTree, PyTree]],
        apply: Callable[..., tuple[jax.Array, PyTree]],
        rngs: nnx.Rngs,
    ) -> None:
        """`init` and `apply` are those of a `contracts.backbone.Backbone`."""
        params, stats = init(rngs.params())
        leaves, self.params_form = jax.tree.flatten(params)
        averages, self.stats_form = jax.tree.flatten(stats)
        self.leaves = nnx.List([nnx.Param(jnp.asarray(leaf)) for leaf in leaves])
        self.averages = nnx.List([nnx.BatchStat(jnp.asarray(leaf)) for leaf in averages])
        self.function = apply

    def __call__(
        self, x: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """[n, h, w, channels] to [n, features]; what is drawn is drawn from `key`."""
        params = jax.tree.unflatten(self.params_form, [leaf[...] for leaf in self.leaves])
        stats = jax.tree.unflatten(self.stats_form, [leaf[...] for leaf in self.averages])
        features, stats = self.function(params, stats, x, train=train, key=key)
        for kept, renewed in zip(self.averages, jax.tree.leaves(stats), strict=True):
            kept[...] = renewed
        return features


def embedded(
    backbone: nnx.Module, x: jax.Array, passes: int, *, train: bool, key: jax.Array | None
) -> jax.Array:
    """Features [n, features] of images in [0, 1], [n, h, w, channels].

    After training they are the mean over `passes` draws, where there are any. All images share the
    draws of a pass: they are compared by one network, and do not depend on one another.
    """
    if passes == 0 or train or key is not None:
        return backbone(x, train=train, key=key)
    graph, state = nnx.split(backbone)

    def one(image: jax.Array, key: jax.Array) -> jax.Array:
        return nnx.merge(graph, state, copy=True)(image[None], train=False, key=key)[0]

    keys = jax.random.split(jax.random.key(0), passes)  # the same in every call
    return jax.lax.map(lambda key: jax.vmap(one, (0, None))(x, key), keys).mean(0)


class Headed(nnx.Module):
    """A backbone and a linear layer: uint8 images [n, height, width, channels] to [n, way]."""

    def __init__(
        self, backbone: nnx.Module, features: int, way: int, passes: int, rngs: nnx.Rngs
    ) -> None:
        self.backbone, self.passes = backbone, passes
        self.head = nnx.Linear(features, way, rngs=rngs)

    def __call__(
        self, images: jax.Array, *, train: bool = False, key: jax.Array | None = None
    ) -> jax.Array:
        """Logits [n, way]; what is drawn is drawn from `key`."""
        return self.head(embedded(self.backbone, pixels(images), self.passes, train=train, key=key))
