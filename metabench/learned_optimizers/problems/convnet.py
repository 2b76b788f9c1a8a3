"""A small convolutional network on photographs, with several numbers of classes (section 3.3).

Three convolutions with batch norm, ReLU and pooling, then a dense layer of 32 units, as in the
paper. The paper uses CIFAR-10 and subsets of it, we use mini-ImageNet's training classes at 32×32.
Kernels are 3×3 with He's first values and the dense layer has no norm; `authors_convnet` has the
paper's.
Parameters of convolutions have `conv` in their names, so that a separate LSTM can update them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.problems.images import Images, cross_entropy, minibatch, taken
from metabench.nets.fused import conv_norm_relu_pool

CHANNELS, HIDDEN, CONVOLUTIONS = 16, 32, 3
EPSILON = 1e-5
TUNING = 4  # instances: a run takes seconds, and they differ little
Params: TypeAlias = dict[str, dict[str, jax.Array]]


def first_params(key: jax.Array, image: tuple[int, ...], classes: int) -> Params:
    """Normal of variance 2 / inputs; norms at 1, biases at 0."""
    made: Params = {}
    size, inputs = image[0], image[2]
    for number in range(CONVOLUTIONS):
        kernel = _normal(jax.random.fold_in(key, number), (3, 3, inputs, CHANNELS), 9 * inputs)
        made[f"conv{number}"] = {
            "kernel": kernel,
            "scale": jnp.ones(CHANNELS),
            "bias": jnp.zeros(CHANNELS),
        }
        size, inputs = size // 2, CHANNELS
    features = size * size * CHANNELS
    for name, outputs in (("hidden", HIDDEN), ("output", classes)):
        kernel = _normal(jax.random.fold_in(key, len(made)), (features, outputs), features)
        made[name] = {"kernel": kernel, "bias": jnp.zeros(outputs)}
        features = outputs
    return made


def _normal(key: jax.Array, shape: tuple[int, ...], inputs: int) -> jax.Array:
    return (2 / inputs) ** 0.5 * jax.random.normal(key, shape)


def logits(params: Params, images: jax.Array) -> jax.Array:
    """[batch, height, width, channels] to [batch, classes]; normalised by batch statistics."""
    x = images
    for number in range(CONVOLUTIONS):
        layer = params[f"conv{number}"]
        x = conv_norm_relu_pool(x, **layer, epsilon=EPSILON).y
    x = x.reshape(x.shape[0], -1)
    x = jax.nn.relu(x @ params["hidden"]["kernel"] + params["hidden"]["bias"][None])
    return x @ params["output"]["kernel"] + params["output"]["bias"][None]


def convnet(data: Images, digest: str, classes: int) -> Optimizee:
    """The optimizee: cross-entropy on minibatches of 128; measured on up to 2,000 images.

    Args:
      data: images and labels.
      digest: of the data.
      classes: number of labels.
    """
    image = data.images.shape[1:]
    return of_images(data, digest, lambda key: first_params(key, image, classes), logits)


def of_images(
    data: Images,
    digest: str,
    init: Callable[[jax.Array], Params],
    logits: Callable[[Params, jax.Array], jax.Array],
) -> Optimizee:
    """The optimizee of a network that one instance keeps a CPU busy with.

    Args:
      data: images and labels.
      digest: of the data.
      init: first parameters, from a key.
      logits: of parameters and images [batch, height, width, channels], [batch, classes].
    """

    def loss(params: Params, problem: Any, data: Images, key: jax.Array) -> jax.Array:
        images, labels = minibatch(data, key)
        return cross_entropy(logits(params, images), labels)

    def measured(params: Params, problem: Any, data: Images) -> jax.Array:
        images, labels = taken(data, data.measured)
        return cross_entropy(logits(params, images), labels)

    return Optimizee(
        problem=lambda key: (),
        init=init,
        loss=loss,
        measured=measured,
        data=data,
        digest=digest,
        tuning=TUNING,
        fills_cpu=True,
    )
