"""What an optimizee is: problems drawn by key, first parameters, a loss on a minibatch."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from metabench.types import PyTree


class Optimizee(NamedTuple):
    """A family of problems. All functions are pure and can be compiled and vectorised.

    `data` is what all problems share (images, say); it is handed to the functions so that no
    program has to hold it as a constant.
    """

    problem: Callable[[jax.Array], PyTree]
    """`problem(key)`: what one problem is, `()` where all are the same."""
    init: Callable[[jax.Array], PyTree]
    """`init(key)`: first parameters."""
    loss: Callable[[PyTree, PyTree, PyTree, jax.Array], jax.Array]
    """`loss(params, problem, data, key)`: a scalar, on a minibatch drawn by `key`."""
    measured: Callable[[PyTree, PyTree, PyTree], jax.Array]
    """`measured(params, problem, data)`: the same without noise, or on far more examples."""
    data: PyTree = ()
    digest: str = ""
    """Of the data; empty where there is none."""
    instances: int = 100
    """In an evaluation, if nothing else is asked for."""
    tuning: int = 20
    """Instances that learning rates of baselines are tuned on."""
    apart: bool = False
    """Whether an instance's gradient fills a CPU, so that they take theirs in turn there."""


def instance_keys(key: jax.Array, number: jax.Array | int) -> tuple[jax.Array, ...]:
    """Keys of instance `number` of a stream: of its problem, first parameters and minibatches."""
    own = jax.random.fold_in(key, number)
    return tuple(jax.random.fold_in(own, part) for part in range(3))


def size_of(optimizee: Optimizee) -> int:
    """How many numbers its parameters are."""
    params = jax.eval_shape(optimizee.init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))
