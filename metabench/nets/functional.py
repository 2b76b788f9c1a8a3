"""From a Flax NNX module to pure functions over pytrees.

A module is split once into its static graph, its parameters and its running
statistics. After that only nested dictionaries of arrays go through `jax.jit`,
`grad` and `scan`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
from flax import nnx

from metabench.types import PyTree


class Functional(NamedTuple):
    """A network as pure functions."""

    init: Callable[[jax.Array], tuple[PyTree, PyTree]]
    """`init(key) -> (params, stats)`: the learned parameters, and the running statistics."""
    apply: Callable[..., tuple[PyTree, PyTree]]
    """`apply(params, stats, *inputs, **keywords) -> (output, stats)`."""


def functional(make: Callable[[nnx.Rngs], nnx.Module]) -> Functional:
    """Pure `init` and `apply` of the module that `make(rngs)` builds."""
    graph = nnx.split(nnx.eval_shape(lambda: make(nnx.Rngs(0))))[0]

    def init(key: jax.Array) -> tuple[PyTree, PyTree]:
        params, stats = nnx.state(make(nnx.Rngs(key)), nnx.Param, ...)
        return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

    def apply(
        params: PyTree, stats: PyTree, *inputs: PyTree, **keywords: object
    ) -> tuple[PyTree, PyTree]:
        module = nnx.merge(graph, params, stats)
        output = module(*inputs, **keywords)
        _, stats = nnx.state(module, nnx.Param, ...)
        return output, nnx.to_pure_dict(stats)

    return Functional(init, apply)
