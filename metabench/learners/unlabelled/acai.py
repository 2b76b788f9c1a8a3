"""ACAI: adversarially constrained autoencoder interpolation (Berthelot et al. 2019).

An autoencoder g(f(x)) draws images again. A critic d sees a decoded mixture of two codes,
x_α = g(α f(x₁) + (1 - α) f(x₂)), and tells how much it is mixed (section 2):

    the critic learns        (d(x_α) - α)² + d(γ x + (1 - γ) g(f(x)))²      (equation 2)
    the autoencoder learns   (x - g(f(x)))² + λ d(x_α)²                     (equation 3)

with α uniform between 0 and 1/2. So mixtures come to look like images, and codes near one another
stand for images that are alike. CACTUs (Hsu, Levine & Finn 2019) clusters these codes on Omniglot.

Squares are means over pixels that go from -1 to 1, as in the authors' code. Departures: one layer
at each size instead of two, strides instead of pooling, and a code that is a vector, not an image.
"""

from __future__ import annotations

from typing import Annotated

import jax
import jax.numpy as jnp

from metabench.contracts.learner import EpisodeLearner, Metrics
from metabench.contracts.options import AtLeast, Chance, Count, with_options
from metabench.learners.common.optimizer import Adam, adam
from metabench.learners.unlabelled.base import Loss, Players, together, unlabelled
from metabench.nets.coder import ImageDecoder, ImageEncoder
from metabench.nets.functional import functional
from metabench.types import EpisodeShape, PyTree

CRITIC_OUTPUTS = 16  # the critic's answer is their mean


@with_options
def acai(
    shape: EpisodeShape,
    *,
    code: Count = 256,
    width: Count = 16,
    adversary: Annotated[float, AtLeast(0)] = 0.5,
    mixture: Chance = 0.2,
    images: Count = 64,
    optimizer: Adam = Adam(),
) -> EpisodeLearner:
    """Cosine nearest neighbour on the code of an ACAI autoencoder.

    Args:
      shape: of the test episodes.
      code: numbers in a code.
      width: channels after the first convolution; four times as many after the third.
      adversary: λ, the weight of the critic in the autoencoder's loss.
      mixture: γ, the share of the image in what the critic must call unmixed.
      images: in a training batch.
      optimizer: of all networks.

    Reference: https://arxiv.org/abs/1807.07543
    """
    image = shape.image
    nets = {
        "encoder": functional(lambda rngs: ImageEncoder(image, width, code, rngs)),
        "decoder": functional(lambda rngs: ImageDecoder(code, image, width, rngs)),
        "critic": functional(lambda rngs: ImageEncoder(image, width, CRITIC_OUTPUTS, rngs)),
    }

    def embed(params: PyTree, stats: PyTree, x: jax.Array) -> jax.Array:
        return nets["encoder"].apply(params, stats, centred(x))[0]

    return unlabelled(
        nets,
        together(nets, losses(adversary, mixture), adam(optimizer)),
        shape,
        images=images,
        embedder="encoder",
        code=embed,
    )


def centred(x: jax.Array) -> jax.Array:
    """From 0 … 1 to -1 … 1."""
    return 2 * x - 1


def mixing(key: jax.Array, number: int) -> jax.Array:
    """α of each pair, uniform between 0 and 1/2: [number]."""
    return jax.random.uniform(key, (number,), maxval=0.5)


def losses(adversary: float, mixture: float) -> Loss:
    """Equations 2 and 3, of images and codes in the order in which the batch has them.

    Image i is mixed with image i counted from the end of the batch.
    """

    def loss(play: Players, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Metrics]:
        x = centred(x)
        number = x.shape[0]
        alpha = mixing(key, number)
        z = play("encoder", x)
        mixed = alpha[:, None] * z[::-1] + (1 - alpha[:, None]) * z
        drawn = play("decoder", jnp.concatenate([z, mixed]))
        again, between = drawn[:number], drawn[number:]
        reconstruction = jnp.square(x - again).mean()
        fooled = jnp.square(play("critic", between, held=True).mean(-1)).mean()
        shown = jnp.concatenate([between, mixture * x + (1 - mixture) * again])
        told = play("critic", jax.lax.stop_gradient(shown)).mean(-1)
        wrong = jnp.square(told - jnp.concatenate([alpha, jnp.zeros(number)]))
        critic = wrong[:number].mean() + wrong[number:].mean()
        total = reconstruction + adversary * fooled + critic
        return total, {"loss": reconstruction, "fooled": fooled, "critic": critic}

    return loss
