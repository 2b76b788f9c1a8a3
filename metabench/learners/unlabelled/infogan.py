"""InfoGAN: a generator whose code can be read off its images (Chen et al. 2016).

A generator G draws an image from noise z and a code c. The code is a category and some numbers from
-1 to 1. A discriminator D tells drawn images from given ones, and a network Q on the same trunk
tells the code of a drawn image (sections 4 and 5, equation 6):

    min over G and Q, max over D of  V(D, G) - λ L(G, Q),   L = E[log Q(c | G(z, c))]

with the cross-entropy of the category and a Gaussian of variance 1 around each number. G maximises
log D(G(z, c)), which does not saturate. An image's embedding is its code according to Q, or the
output of the trunk.

Departures: the networks are those of `nets/coder.py`. `objective` offers other adversaries
(`adversary.py`); with `wgan`, Q is below the same clipped weights as D.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from metabench.contracts.learner import EpisodeLearner, Metrics
from metabench.contracts.options import Count, with_options
from metabench.learners.common.optimizer import Adam
from metabench.learners.unlabelled.adversary import Adversary, optimizer_of, penalised, terms
from metabench.learners.unlabelled.base import Loss, Players, unlabelled
from metabench.learners.unlabelled.turns import descent
from metabench.nets.coder import ImageDecoder, ImageEncoder, Layer, leaky
from metabench.nets.functional import functional
from metabench.types import EpisodeShape, ImageShape, PyTree

Features = Literal["codes", "trunk"]


class Code(NamedTuple):
    """Sizes of the generator's inputs."""

    categories: int
    continuous: int
    noise: int

    @property
    def size(self) -> int:
        """How many numbers the generator reads."""
        return sum(self)


class Told(NamedTuple):
    """The outputs of the discriminator and of Q for images."""

    given: jax.Array  # logits [n] that an image is real, not generated
    category: jax.Array  # logits [n, categories]
    means: jax.Array  # [n, continuous]
    trunk: jax.Array  # [n, hidden]


class Discriminator(nnx.Module):
    """D and Q: one linear layer each, above a shared trunk."""

    def __init__(
        self, image: ImageShape, code: Code, width: int, hidden: int, rngs: nnx.Rngs
    ) -> None:
        self.trunk = ImageEncoder(image, width, hidden, rngs)
        self.last = Layer((hidden, 1 + code.categories + code.continuous), rngs)
        self.categories = code.categories

    def __call__(self, x: jax.Array, *, train: bool = False) -> Told:
        """Images [n, h, w, c] in [0, 1]."""
        seen = leaky(self.trunk(x, train=train))
        found = self.last.finish(seen @ self.last.kernel[...], train=train, last=True)
        given, category, means = jnp.split(found, [1, 1 + self.categories], axis=1)
        return Told(given[:, 0], category, means, seen)


@with_options
def infogan(
    shape: EpisodeShape,
    *,
    categories: Count = 10,
    continuous: Count = 10,
    noise: Count = 62,
    features: Features = "codes",
    discrete_weight: float = 1.0,
    continuous_weight: float = 0.1,
    width: Count = 16,
    hidden: Count = 256,
    images: Count = 64,
    adversary: Adversary = Adversary(),
    optimizer: Adam = Adam(learning_rate=2e-4, decay="constant"),
) -> EpisodeLearner:
    """Cosine nearest neighbour on the codes that an InfoGAN recovers, or on its trunk's features.

    Args:
      shape: of the test episodes.
      categories: of a code.
      continuous: numbers of a code beside its category (2 in the paper on MNIST).
      noise: numbers of the noise.
      features: `codes` embeds by Q (probabilities and means), `trunk` by the layer below it.
      discrete_weight: λ of the category.
      continuous_weight: λ of the code's numbers.
      width: channels after the first convolution; four times as many after the third.
      hidden: units of the trunk's last layer.
      images: in a training batch.
      adversary: what the discriminator measures.
      optimizer: of all networks, with a first moment of 0.5 (0 for critics).

    Reference: https://arxiv.org/abs/1606.03657
    """
    image, code = shape.image, Code(categories, continuous, noise)
    nets = {
        "generator": functional(
            lambda rngs: ImageDecoder(code.size, image, width, rngs, norm=True)
        ),
        "discriminator": functional(lambda rngs: Discriminator(image, code, width, hidden, rngs)),
    }

    def embed(params: PyTree, stats: PyTree, x: jax.Array) -> jax.Array:
        told, _ = nets["discriminator"].apply(params, stats, x)
        return told.trunk if features == "trunk" else recovered(told)

    return unlabelled(
        nets,
        descent(
            adversary,
            nets,
            losses(code, discrete_weight, continuous_weight, adversary),
            optimizer_of(adversary, optimizer),
        ),
        shape,
        images=images,
        embedder="discriminator",
        code=embed,
    )


def recovered(told: Told) -> jax.Array:
    """Probabilities of the categories, then the means: [n, categories + continuous]."""
    return jnp.concatenate([jax.nn.softmax(told.category), told.means], axis=1)


def losses(
    code: Code, discrete_weight: float, continuous_weight: float, adversary: Adversary
) -> Loss:
    """Equation 6: D's loss, G's with the labels exchanged, and the code's of G and Q together.

    With a critic, its means take the place of the logarithms of D.
    """

    def loss(play: Players, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Metrics]:
        keys, number = jax.random.split(key, 3), x.shape[0]
        category = jax.random.randint(keys[0], (number,), 0, code.categories)
        numbers = jax.random.uniform(keys[1], (number, code.continuous), minval=-1.0)
        noise = jax.random.uniform(keys[2], (number, code.noise), minval=-1.0)
        latent = [jax.nn.one_hot(category, code.categories), numbers, noise]
        drawn = jax.nn.sigmoid(play("generator", jnp.concatenate(latent, axis=1)))
        shown = jax.lax.stop_gradient(jnp.concatenate([x, drawn]))
        real, made = jnp.split(play("discriminator", shown).given, 2)
        discriminator = terms(adversary, real, made).critic + penalised(
            adversary,
            lambda images: play.answers("discriminator", images).given,
            (x,),
            (drawn,),
            jax.random.fold_in(key, 1),
        )
        made = play("discriminator", drawn, held=True).given
        generator = terms(adversary, real, made).maker
        told = play("discriminator", drawn)
        discrete = optax.softmax_cross_entropy_with_integer_labels(told.category, category).mean()
        apart = jnp.square(numbers - told.means).sum(1).mean() / 2
        information = discrete_weight * discrete + continuous_weight * apart
        metrics = {"loss": discriminator + information, "generator": generator}
        return discriminator + generator + information, metrics

    return loss
