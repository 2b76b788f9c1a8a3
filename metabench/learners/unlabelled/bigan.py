"""BiGAN: adversarial feature learning (Donahue, Krähenbühl & Darrell 2017).

A generator G draws an image from a code z, and an encoder E finds a code for an image x. A
discriminator D sees a pair, (x, E(x)) or (G(z), z), and tells which of the two it is (section 3,
equation 3):

    min over G and E, max over D of  E[log D(x, E(x))] + E[log(1 - D(G(z), z))]

E inverts G where D cannot tell (theorem 2). G and E descend the same terms with the labels
exchanged, which does not saturate (section 3.4). The code is uniform between -1 and 1, as in the
paper; the encoder's answer has no bounds.

Departures: the networks are those of `nets/coder.py`. `objective` offers other adversaries
(`adversary.py`); a paper that joins them with an encoder is not known to us.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import EpisodeLearner, Metrics
from metabench.contracts.options import Count, with_options
from metabench.learners.common.optimizer import Adam
from metabench.learners.unlabelled.adversary import (
    Adversary,
    coded,
    optimizer_of,
    penalised,
    terms,
)
from metabench.learners.unlabelled.base import Loss, Players, unlabelled
from metabench.learners.unlabelled.turns import descent
from metabench.nets.coder import ImageDecoder, ImageEncoder, Layer
from metabench.nets.functional import functional
from metabench.types import EpisodeShape, ImageShape, PyTree


class Discriminator(nnx.Module):
    """The logit that the image is real and the code is the encoder's."""

    def __init__(
        self, image: ImageShape, code: int, width: int, hidden: int, rngs: nnx.Rngs
    ) -> None:
        self.image = ImageEncoder(image, width, hidden, rngs)
        self.code = Layer((code, hidden), rngs)
        self.joint = Layer((hidden, hidden), rngs)
        self.last = Layer((hidden, 1), rngs)

    def __call__(self, x: jax.Array, z: jax.Array, *, train: bool) -> jax.Array:
        """Images [n, h, w, c] and codes [n, code] to logits [n]."""
        seen = self.image(x, train=train) + z @ self.code.kernel[...]
        joint = self.joint.finish(
            self.code.finish(seen, train=train) @ self.joint.kernel[...], train=train
        )
        return self.last.finish(joint @ self.last.kernel[...], train=train, last=True)[:, 0]


@with_options
def bigan(
    shape: EpisodeShape,
    *,
    code: Count = 200,
    width: Count = 16,
    hidden: Count = 512,
    images: Count = 64,
    adversary: Adversary = Adversary(),
    optimizer: Adam = Adam(learning_rate=2e-4, decay="constant"),
) -> EpisodeLearner:
    """Cosine nearest neighbour on the code of a BiGAN's encoder.

    Args:
      shape: of the test episodes.
      code: numbers in a code.
      width: channels after the first convolution; four times as many after the third.
      hidden: units of the discriminator's layers that see image and code.
      images: in a training batch.
      adversary: what the discriminator measures.
      optimizer: of all networks, with a first moment of 0.5 as in the paper (0 for critics).

    Reference: https://arxiv.org/abs/1605.09782
    """
    image = shape.image
    nets = {
        "encoder": functional(lambda rngs: ImageEncoder(image, width, code, rngs, norm=True)),
        "generator": functional(lambda rngs: ImageDecoder(code, image, width, rngs, norm=True)),
        "discriminator": functional(lambda rngs: Discriminator(image, code, width, hidden, rngs)),
    }

    def embed(params: PyTree, stats: PyTree, x: jax.Array) -> jax.Array:
        return nets["encoder"].apply(params, stats, x)[0]

    return unlabelled(
        nets,
        descent(adversary, nets, losses(code, adversary), optimizer_of(adversary, optimizer)),
        shape,
        images=images,
        embedder="encoder",
        code=embed,
    )


def losses(code: int, adversary: Adversary) -> Loss:
    """Equation 3 for the discriminator, and with the labels exchanged for the other two.

    With a critic, its means of pairs take the place of the logarithms.
    """

    def loss(play: Players, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Metrics]:
        z = jax.random.uniform(key, (x.shape[0], code), minval=-1.0)
        found = play("encoder", x)
        drawn = jax.nn.sigmoid(play("generator", z))
        images, codes = jnp.concatenate([x, drawn]), jnp.concatenate([found, z])
        told = play("discriminator", *jax.lax.stop_gradient((images, codes)))
        real, made = jnp.split(told, 2)
        discriminator = terms(adversary, real, made).critic + penalised(
            adversary,
            partial(play.answers, "discriminator"),
            (x, found),
            (drawn, z),
            jax.random.fold_in(key, 1),
        )
        real, made = jnp.split(play("discriminator", images, codes, held=True), 2)
        generator = coded(adversary, real) + terms(adversary, real, made).maker
        accuracy = ((real > 0).mean() + (made < 0).mean()) / 2
        metrics = {"loss": discriminator, "generator": generator, "told": accuracy}
        return discriminator + generator, metrics

    return loss
