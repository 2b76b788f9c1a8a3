"""Sets of images of unseen classes: the members that describe a set best, and samples given it.

Edwards & Storkey 2017, section 5.3: the context of a few drawings is inferred, and new
drawings are sampled from it.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench.errors import UserError
from metabench.nets.functional import Functional
from metabench.nets.pixels import pixels
from metabench.nets.statistician.contexts import Context, centre, kl
from metabench.nets.statistician.images import Bernoulli
from metabench.seeds import root_key
from metabench.tasks.class_table import check_fits
from metabench.tasks.episodes import sample
from metabench.tracks.statistician.summaries import summarise
from metabench.types import ClassTable, EpisodeShape, PyTree


class Sampled(NamedTuple):
    """Sets, and the results of the model on them."""

    images: np.ndarray  # uint8 [sets, members, h, w, c]
    chosen: np.ndarray  # int32 [sets, size]: the best members, in the order taken
    divergence: np.ndarray  # [sets, size]: KL(q(c | set) ‖ q(c | taken so far)), nats
    others: np.ndarray  # [sets]: its mean over all other members, if one member is taken
    samples: np.ndarray  # float32 [sets, members, h, w, c]: probabilities of ink


def draw_sets(table: ClassTable, sets: int, members: int, seed: int) -> jax.Array:
    """`members` images of each of `sets` classes: uint8 [sets, members, h, w, c].

    Raises:
      UserError: more classes or images are asked for than there are.
    """
    for name, value in (("sets", sets), ("members", members)):
        if value < 1:
            raise UserError(f"`{name}` is {value}; it must be at least 1")
    image = tuple(table.images.shape[1:])
    shape = EpisodeShape(sets, members, 1, (image[0], image[1], image[2]))
    check_fits(table, shape, "the test part")
    support = sample(root_key(seed), 0, table, shape)
    order = jnp.argsort(support.support_y, stable=True)
    return support.support_x[order].reshape(sets, members, *image)


def measure(
    net: Functional, params: PyTree, stats: PyTree, images: jax.Array, size: int, seed: int
) -> Sampled:
    """Take the `size` members that describe each set best, and draw as many new images as it has.

    Args:
      net: of a `Statistician` of images.
      params: learned.
      stats: running averages.
      images: uint8 [sets, members, h, w, c].
      size: members to take.
      seed: of the samples.

    Raises:
      UserError: a set has not so many members.
    """
    members = images.shape[1]
    if not 1 <= size <= members:
        raise UserError(f"`size` is {size}; it must be from 1 to `members`, {members}")

    def one(given: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, ...]:
        images, key = pixels(given[0]), given[1]

        def posterior(subsets: jax.Array) -> Context:
            return net.apply(params, stats, "posterior", images, subsets)[0]

        taken = summarise(posterior, members, size)
        whole = posterior(jnp.ones((1, members)))
        singles = kl(whole, posterior(jnp.eye(members)))
        others = (singles.sum() - singles.min()) / max(members - 1, 1)
        logits, _ = net.apply(params, stats, "generate", centre(whole), members, key)
        return taken.members, taken.divergence, others, Bernoulli.mean(logits)[0]

    keys = jax.random.split(jax.random.fold_in(root_key(seed), 1), images.shape[0])
    found = jax.jit(lambda *sets: jax.lax.map(one, sets))(images, keys)
    return Sampled(np.asarray(images), *map(np.asarray, found))
