"""The convolutional optimizee as it is in the code of Andrychowicz et al. 2016 (section 3.3).

Three 5×5 convolutions of 16 channels with pooling and a dense layer of 32 units, each with batch
norm and ReLU. All weights begin normal of deviation 0.01. The norms have a shift and no scale; the
biases before them are left out, as they change nothing. The images are mini-ImageNet's, not
CIFAR-10's. Kernels have `conv` in their names; as in the code, the shifts do not, so the LSTM for
dense layers updates them.

Reference: https://github.com/google-deepmind/learning-to-learn
"""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.problems.convnet import (
    CHANNELS,
    CONVOLUTIONS,
    HIDDEN,
    of_images,
)
from metabench.learned_optimizers.problems.images import Images
from metabench.nets.fused import norm_relu_pool

WIDTH, SPREAD, EPSILON = 5, 0.01, 1e-3
Params: TypeAlias = dict[str, dict[str, jax.Array]]


def first_params(key: jax.Array, image: tuple[int, ...], classes: int) -> Params:
    """Normal of deviation 0.01; shifts at 0."""
    made: Params = {}
    size, inputs = image[0], image[2]
    for number in range(CONVOLUTIONS):
        made[f"conv{number}"] = {"kernel": _normal(key, number, (WIDTH, WIDTH, inputs, CHANNELS))}
        made[f"norm{number}"] = {"bias": jnp.zeros(CHANNELS)}
        size, inputs = size // 2, CHANNELS
    features = size * size * CHANNELS
    kernel = _normal(key, CONVOLUTIONS, (features, HIDDEN))
    made["hidden"] = {"kernel": kernel, "bias": jnp.zeros(HIDDEN)}
    output = _normal(key, CONVOLUTIONS + 1, (HIDDEN + 1, classes))
    made["output"] = {"kernel": output[:-1], "bias": output[-1]}
    return made


def _normal(key: jax.Array, number: int, shape: tuple[int, ...]) -> jax.Array:
    return SPREAD * jax.random.normal(jax.random.fold_in(key, number), shape)


def logits(params: Params, images: jax.Array) -> jax.Array:
    """[batch, height, width, channels] to [batch, classes]; normalised by batch statistics."""
    x, ones = images, jnp.ones(CHANNELS)
    for number in range(CONVOLUTIONS):
        kernel, bias = params[f"conv{number}"]["kernel"], params[f"norm{number}"]["bias"]
        found = jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = norm_relu_pool([found], ones, bias, epsilon=EPSILON).y
    x = x.reshape(x.shape[0], -1) @ params["hidden"]["kernel"]
    x = (x - x.mean(0, keepdims=True)) * jax.lax.rsqrt(x.var(0, keepdims=True) + EPSILON)
    x = jax.nn.relu(x + params["hidden"]["bias"][None])
    return x @ params["output"]["kernel"] + params["output"]["bias"][None]


def authors_convnet(data: Images, digest: str, classes: int) -> Optimizee:
    """The optimizee; arguments as of `convnet`."""
    image = data.images.shape[1:]
    return of_images(data, digest, lambda key: first_params(key, image, classes), logits)
