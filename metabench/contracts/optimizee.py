"""What an optimizee is: problems drawn by key, first parameters, a loss on a minibatch."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from metabench.types import PyTree


class Optimizee(NamedTuple):
    """A family of problems. All functions are pure and can be compiled and vectorised.

    `data` is what all problems share (images, for example); it is an argument of the functions so
    that compiled programs need not hold it as a constant.
    """

    problem: Callable[[jax.Array], PyTree]
    """`problem(key)`: one problem; `()` if all problems are the same."""
    init: Callable[[jax.Array], PyTree]
    """`init(key)`: first parameters."""
    loss: Callable[[PyTree, PyTree, PyTree, jax.Array], jax.Array]
    """`loss(params, problem, data, key)`: a scalar, on a minibatch drawn by `key`."""
    measured: Callable[[PyTree, PyTree, PyTree], jax.Array]
    """`measured(params, problem, data)`: the same without noise, or on far more examples."""
    data: PyTree = ()
    digest: str = ""
    """Digest of the data; empty if there is none."""
    instances: int = 100
    """Number of instances in an evaluation, by default."""
    tuning: int = 20
    """Number of instances on which the learning rates of baselines are tuned."""
    fills_cpu: bool = False
    """Whether the gradient of one instance keeps all cores of a CPU busy.

    On a CPU the instances then take their gradients one after the other.
    """


def instance_keys(key: jax.Array, number: jax.Array | int) -> tuple[jax.Array, ...]:
    """Keys of instance `number` of a stream: for its problem, first parameters and minibatches."""
    own = jax.random.fold_in(key, number)
    return tuple(jax.random.fold_in(own, part) for part in range(3))


def size_of(optimizee: Optimizee) -> int:
    """How many parameters it has."""
    params = jax.eval_shape(optimizee.init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))
