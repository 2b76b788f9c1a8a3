"""ACAI: adversarially constrained autoencoder interpolation (Berthelot et al. 2019).

An autoencoder g(f(x)), and a critic d that tells from a decoded mixture of two codes,
x_α = g(α f(x₁) + (1 - α) f(x₂)), how much it is mixed (section 2):

    the critic learns        (d(x_α) - α)² + d(γ x + (1 - γ) g(f(x)))²      (equation 2)
    the autoencoder learns   (x - g(f(x)))² + λ d(x_α)²                     (equation 3)

with α uniform between 0 and 1/2. So mixtures come to look like images, and neighbours among
codes to be alike. CACTUs (Hsu, Levine & Finn 2019) clusters these codes on Omniglot.

Squares are means over pixels that go from -1 to 1, as in the authors' code. Departures: one layer
at each size in place of two, strided in place of pooled, and a code that is a vector, not an image.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.contracts.learner import Learner, Metrics
from metabench.errors import UserError
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.unlabelled.base import Loss, Players, check_positive, unlabelled
from metabench.nets.coder import ImageDecoder, ImageEncoder
from metabench.nets.functional import functional
from metabench.types import ImageTaskShape, PyTree

CRITIC_OUTPUTS = 16  # whose mean is the critic's answer


def acai(
    shape: ImageTaskShape,
    *,
    code: int = 256,
    width: int = 16,
    adversary: float = 0.5,
    mixture: float = 0.2,
    images: int = 64,
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    steps: int = 10_000,
) -> Learner:
    """Cosine nearest neighbour on the code of an ACAI autoencoder.

    Args:
      shape: of the test.
      code: numbers in a code.
      width: channels after the first convolution; four times as many after the third.
      adversary: λ, the weight of the critic in the autoencoder's loss.
      mixture: γ, the share of the image in what the critic must call unmixed.
      images: in a training batch.
      learning_rate: of Adam.
      decay: `cosine` over `steps`, or `constant`.
      steps: length of training, for the decay.

    Reference: https://arxiv.org/abs/1807.07543
    """
    check_positive(code=code, width=width, images=images)
    if not adversary >= 0:
        raise UserError(f"`adversary` is {adversary}; it must be 0 or more")
    if not 0 <= mixture <= 1:
        raise UserError(f"`mixture` is {mixture}; it must be between 0 and 1")
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
        losses(adversary, mixture),
        adam(learning_rate, decay, steps),
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

    Image i is mixed with the one that is as far from the batch's end.
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
