"""The Neural Statistician (Edwards & Storkey 2017): sets, not samples.

A variational model of sets of images with a context c for each set. It is meta-trained without
labels of queries: labels only say which images make a set. A class is then q(c | D_k) of its
supports, and a query goes to the class whose context is nearest to q(c | x) by
Kullback-Leibler divergence (section 5.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.contracts.learner import EpisodeLearner, Training
from metabench.contracts.options import TEST_ONLY, UNSAID, Count, Options, with_options
from metabench.errors import UserError
from metabench.learners.sets.training import (
    Annealing,
    ClampedAdam,
    SetOptions,
    State,
    bound_training,
    clamped_adam,
)
from metabench.nets.functional import Functional, functional
from metabench.nets.pixels import pixels
from metabench.nets.statistician.contexts import Context, Posterior, centre, kl_between
from metabench.nets.statistician.images import PaperDecoder, PaperEncoder
from metabench.nets.statistician.model import Sizes, Statistician
from metabench.nets.statistician.small_images import SmallDecoder, SmallEncoder
from metabench.types import EpisodeShape, ImageShape, PyTree

Direction = Literal["class_to_query", "query_to_class"]

Network = Literal["small", "paper"]
# Encoder, decoder, and the dense layers of each Gaussian over z.
NETWORKS = {"small": (SmallEncoder, SmallDecoder, 2), "paper": (PaperEncoder, PaperDecoder, 3)}


class Task(NamedTuple):
    """The network, and the context of each class."""

    params: PyTree
    stats: PyTree
    classes: Context  # over [way, context]


@dataclass(frozen=True)
class ModelOptions(Options):
    """Options of the model of sets.

    Args:
      network: `paper` has nine convolutions in the encoder and as many in the decoder; `small` has
        three and two.
      width: channels of each convolution of `small`, of the first three of `paper`, whose others
        have 2 and 4 times as many.
      hidden: units of the dense layers.
      context: numbers in c.
      latent: numbers in each z.
      latent_layers: how many z there are.
      posterior: of c: one `gaussian`, or a `mixture` of them, whose weights have the gradients of
        Graves (2016). Divergences between mixtures are approximated (Hershey & Olsen 2007).
      components: Gaussians in the mixture.
    """

    network: Network = "small"
    width: Count = 64
    hidden: Count = 256
    context: Count = 512
    latent: Count = 16
    latent_layers: Count = 1
    posterior: Annotated[Posterior, UNSAID] = "gaussian"
    components: Annotated[Count, UNSAID] = 4

    @property
    def sizes(self) -> Sizes:
        """How wide the model is."""
        components = self.components if self.posterior == "mixture" else None
        return Sizes(
            self.context, self.latent, self.latent_layers, self.hidden, components=components
        )


@with_options
def neural_statistician(
    shape: EpisodeShape,
    *,
    direction: Annotated[Direction, TEST_ONLY] = "class_to_query",
    model: ModelOptions = ModelOptions(),
    sets: SetOptions = SetOptions(),
    loss: Annealing = Annealing(),
    optimizer: ClampedAdam = ClampedAdam(),
) -> EpisodeLearner:
    """The Neural Statistician.

    Args:
      shape: of the test episodes.
      direction: `class_to_query` is KL(q(c | D_k) ‖ q(c | x)), as in the public codes;
        `query_to_class` the other way round.
      model: of sets of images.
      sets: of the training.
      loss: the bound with its annealing.
      optimizer: of the meta-training.

    Reference: https://arxiv.org/abs/1606.02185
    """
    if sets.rotate and shape.image[0] != shape.image[1]:
        raise UserError("`rotate` is True; it must be False for images that are not square")
    net = network_of(shape.image, model.network, model.width, model.sizes)
    descent = clamped_adam(optimizer)

    def init(key: jax.Array) -> State:
        params, stats = net.init(key)
        return State(params, stats, descent.init(params), jnp.int32(0))

    def embed(state: State, images: jax.Array) -> jax.Array:
        """The mean of q(c | the image alone)."""
        alone = jnp.eye(images.shape[0])
        return centre(net.apply(state.params, state.stats, "posterior", pixels(images), alone)[0])

    adapt, predict = _classification(net, shape, direction)
    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=predict,
        training=Training(
            bound_training(net, descent, sets.changes, loss),
            EpisodeShape(sets.train_way, sets.set_size - 1, 1, shape.image),
            spread=True,
        ),
        embed=embed,
    )


def network_of(image: ImageShape, network: Network, width: int, sizes: Sizes) -> Functional:
    """The model of sets of images of shape `image`; the arguments are those of the learner."""
    encoder, decoder, residual = NETWORKS[network]

    def make(rngs: nnx.Rngs) -> Statistician:
        return Statistician(
            encoder(image, width, rngs),
            lambda inputs: decoder(inputs, image, width, rngs),
            sizes._replace(residual=residual),
            rngs,
        )

    return functional(make)


def _classification(
    net: Functional, shape: EpisodeShape, direction: Direction
) -> tuple[Callable[..., Task], Callable[[Task, jax.Array], jax.Array]]:
    """Contexts of the classes, and the negative divergence between them and those of queries."""

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del key  # posteriors are compared, nothing is drawn
        member = jax.nn.one_hot(support_y, shape.way, axis=0)
        params, stats = state.params, state.stats
        classes, _ = net.apply(params, stats, "posterior", pixels(support_x), member)
        return Task(params, stats, classes)

    def predict(task: Task, query_x: jax.Array) -> jax.Array:
        alone = jnp.eye(query_x.shape[0])
        queries, _ = net.apply(task.params, task.stats, "posterior", pixels(query_x), alone)
        return -kl_between(queries, task.classes, from_queries=direction == "query_to_class")

    return adapt, predict
