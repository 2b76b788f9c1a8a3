"""Small perceptrons on MNIST: 20 sigmoid units, and the paper's variations (section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import jax

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.problems.images import Images, cross_entropy, minibatch, taken

SPREAD = 0.01  # of first weights and biases
Params: TypeAlias = list[dict[str, jax.Array]]  # `kernel` [in, out] and `bias` [out] of each layer


def first_params(key: jax.Array, sizes: Sequence[int]) -> Params:
    """Weights and biases, normal of deviation 0.01."""
    made = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        drawn = SPREAD * jax.random.normal(jax.random.fold_in(key, number), (inputs + 1, outputs))
        made.append({"kernel": drawn[:-1], "bias": drawn[-1]})
    return made


def logits(
    params: Params, images: jax.Array, activation: Callable[[jax.Array], jax.Array]
) -> jax.Array:
    """[batch, ...] to [batch, classes]."""
    x = images.reshape(images.shape[0], -1)
    for layer in params[:-1]:
        x = activation(x @ layer["kernel"] + layer["bias"][None])
    return x @ params[-1]["kernel"] + params[-1]["bias"][None]


def mlp(
    data: Images,
    digest: str,
    hidden: Sequence[int] = (20,),
    activation: Callable[[jax.Array], jax.Array] = jax.nn.sigmoid,
    classes: int = 10,
) -> Optimizee:
    """The optimizee: cross-entropy on minibatches of 128; measured on 10,000 training images.

    Args:
      data: images and labels.
      digest: of the data.
      hidden: units of each hidden layer.
      activation: after each hidden layer.
      classes: number of labels.
    """
    sizes = (data.images[0].size, *hidden, classes)

    def loss(params: Params, problem: tuple[()], data: Images, key: jax.Array) -> jax.Array:
        images, labels = minibatch(data, key)
        return cross_entropy(logits(params, images, activation), labels)

    def measured(params: Params, problem: tuple[()], data: Images) -> jax.Array:
        images, labels = taken(data, data.measured)
        return cross_entropy(logits(params, images, activation), labels)

    return Optimizee(
        problem=lambda key: (),
        init=lambda key: first_params(key, sizes),
        loss=loss,
        measured=measured,
        data=data,
        digest=digest,
    )
