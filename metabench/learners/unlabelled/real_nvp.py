"""Nearest neighbours on the noise of a Real NVP (Dinh, Sohl-Dickstein & Bengio 2017).

An invertible network turns an image into noise of as many numbers; it is trained by the exact
likelihood of the images (equation 3). Pixels get uniform noise below their last digit, so that the
density has a finite bound, and are then spread over all numbers by logit(α + (1 - 2 α) x) with
α = 0.05 (section 4.1). The loss is the mean number of bits for one pixel.

An image's embedding is its noise, which the paper's section 4.2 interpolates; images are compared
by cosine. Departures: those of `nets/flows.py`.
"""

from __future__ import annotations

from math import log, prod

import jax
import jax.numpy as jnp

from metabench.contracts.learner import EpisodeLearner, Metrics
from metabench.contracts.options import Count, with_options
from metabench.errors import UserError
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.unlabelled.base import Players, together, unlabelled
from metabench.nets.flows import RealNvp
from metabench.nets.functional import functional
from metabench.types import EpisodeShape, ImageShape, PyTree

EDGE = 0.05  # α
LEVELS = 256  # of a pixel


@with_options
def real_nvp(
    shape: EpisodeShape,
    *,
    scales: Count = 2,
    width: Count = 32,
    images: Count = 64,
    optimizer: ClippedAdam = ClippedAdam(clip=1.0),
) -> EpisodeLearner:
    """Cosine nearest neighbour on the noise that a Real NVP makes of an image.

    Args:
      shape: of the test episodes.
      scales: how many; at each but the last, half of the numbers are done.
      width: channels of the convolutions in a coupling at full size; twice as many at half size.
      images: in a training batch.
      optimizer: of the training.

    Reference: https://arxiv.org/abs/1605.08803
    """
    check_size(shape.image, scales)
    flow = functional(lambda rngs: RealNvp(shape.image, scales, width, rngs))
    nets = {"flow": flow}

    def embed(params: PyTree, stats: PyTree, x: jax.Array) -> jax.Array:
        spread, _ = logits(x, jnp.full(x.shape, 0.5))
        noise, _ = flow.apply(params, stats, spread)[0]
        return noise

    return unlabelled(
        nets,
        together(nets, bits, adam(optimizer)),
        shape,
        images=images,
        embedder="flow",
        code=embed,
    )


def check_size(image: ImageShape, scales: int) -> None:
    """`UserError` if an image cannot be halved so often."""
    by = 2 ** (scales - 1)
    if image[0] % by or image[1] % by:
        raise UserError(
            f"`scales` is {scales}, but images of {image[0]}×{image[1]} pixels cannot be halved "
            f"{scales - 1} times: both sides must be divisible by {by}"
        )


def logits(x: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Pixels spread over all numbers, and the log-determinant of that.

    Args:
      x: 0 to 1 in steps of 1/255, [n, h, w, c].
      noise: 0 to 1, of the same shape: where a pixel lies between its value and the next one.

    Returns:
      [n, h, w, c], and [n]: the logarithm of the density's factor, of 1/256 for each pixel as well.
    """
    inside = EDGE + (1 - 2 * EDGE) * (x * (LEVELS - 1) + noise) / LEVELS
    slope = jnp.log(1 - 2 * EDGE) - jnp.log(inside) - jnp.log1p(-inside) - log(LEVELS)
    return jnp.log(inside) - jnp.log1p(-inside), slope.sum((1, 2, 3))


def log_density(noise: jax.Array) -> jax.Array:
    """Of the standard Gaussian: [n, numbers] to [n]."""
    return -(jnp.square(noise).sum(1) + noise.shape[1] * log(2 * jnp.pi)) / 2


def images_of(spread: jax.Array) -> jax.Array:
    """The inverse of `logits`: pixels from 0 to 1, with their noise."""
    return jnp.clip((jax.nn.sigmoid(spread) - EDGE) / (1 - 2 * EDGE), 0, 1)


def bits(play: Players, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Metrics]:
    """Bits for each pixel and channel of images [n, h, w, c], by equation 3."""
    spread, first = logits(x, jax.random.uniform(key, x.shape))
    noise, second = play("flow", spread)
    total = log_density(noise) + first + second
    loss = -total.mean() / (prod(x.shape[1:]) * log(2))
    return loss, {"loss": loss}
