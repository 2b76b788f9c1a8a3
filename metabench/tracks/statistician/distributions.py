"""One-dimensional distributions: does the context of a set predict family, mean and variance?

Edwards & Storkey 2017, section 5.1: sets of 200 numbers from Laplace, Gaussian, reversed
exponential and uniform distributions with means in [-1, 1] and variances in [0.5, 2], a context
of three numbers. The model is not told the families.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from metabench.nets.functional import functional
from metabench.nets.statistician.model import Sizes, Statistician
from metabench.nets.statistician.vectors import GaussianVectors, VectorEncoder
from metabench.seeds import root_key
from metabench.tracks.statistician.fitting import fit
from metabench.types import PyTree

FAMILIES = ("Laplace", "Gaussian", "reversed exponential", "uniform")
MEANS, VARIANCES = (-1.0, 1.0), (0.5, 2.0)
MEMBERS, SETS = 200, 16
SIZES = Sizes(context=3, latent=8, layers=1, hidden=64, norm=False)
NEIGHBOURS = 15


class Drawn(NamedTuple):
    """Sets of numbers, and where they come from."""

    x: jax.Array  # [sets, members, 1]
    family: jax.Array  # int32 [sets]
    mean: jax.Array  # [sets]
    variance: jax.Array  # [sets]


class Found(NamedTuple):
    """Contexts of sets that were not trained on, and how well they predict."""

    contexts: np.ndarray  # [sets, 3]
    drawn: Drawn
    figures: dict[str, float]


def draw_sets(key: jax.Array, sets: int, members: int = MEMBERS) -> Drawn:
    """`sets` distributions at random, and `members` numbers from each."""
    kind, middle, spread, numbers = jax.random.split(key, 4)
    family = jax.random.randint(kind, (sets,), 0, len(FAMILIES))
    mean = jax.random.uniform(middle, (sets,), minval=MEANS[0], maxval=MEANS[1])
    variance = jax.random.uniform(spread, (sets,), minval=VARIANCES[0], maxval=VARIANCES[1])
    shape, width = (sets, members), 3**0.5
    units = jnp.stack(  # each of mean 0 and variance 1
        [
            jax.random.laplace(numbers, shape) / 2**0.5,
            jax.random.normal(numbers, shape),
            1 - jax.random.exponential(numbers, shape),
            jax.random.uniform(numbers, shape, minval=-width, maxval=width),
        ]
    )
    x = units[family, jnp.arange(sets)] * jnp.sqrt(variance)[:, None] + mean[:, None]
    return Drawn(x[:, :, None], family, mean, variance)


def make(rngs: nnx.Rngs) -> Statistician:
    """The model: dense networks, a context of three numbers."""

    def decoder(inputs: Sequence[int]) -> GaussianVectors:
        return GaussianVectors(inputs, 1, SIZES.hidden, 2, SIZES.norm, rngs)

    encoder = VectorEncoder(1, SIZES.hidden, 2, SIZES.norm, rngs)
    return Statistician(encoder, decoder, SIZES, rngs)


NET = functional(make)


def train(
    steps: int, seed: int, progress: Callable[[int, float], None] = lambda step, loss: None
) -> PyTree:
    """Parameters after `steps` steps on 16 new sets each.

    Args:
      steps: how many.
      seed: of everything random.
      progress: called with the step, and the negative bound per number in nats.

    Raises:
      UserError: fewer than one step.
    """
    return fit(NET, lambda key: draw_sets(key, SETS).x, steps, seed, progress)


def measure(params: PyTree, seed: int, sets: int = 1000) -> Found:
    """Contexts of `sets` new sets (the means of their posteriors), and how well they predict."""
    key = jax.random.fold_in(root_key(seed), 2**31)
    drawn = draw_sets(key, sets)
    _, stats = NET.init(root_key(0))
    contexts = np.asarray(jax.jit(partial(_contexts, stats))(params, drawn.x))
    return Found(contexts, drawn, told(contexts, drawn))


def _contexts(stats: PyTree, params: PyTree, x: jax.Array) -> jax.Array:
    """[sets, members, 1] to posterior means [sets, context], one set after the other."""

    def one(members: jax.Array) -> jax.Array:
        member = jnp.ones((1, members.shape[0]))
        return NET.apply(params, stats, "posterior", members, member)[0].mean[0]

    return jax.lax.map(one, x)


def told(contexts: np.ndarray, drawn: Drawn) -> dict[str, float]:
    """How well the 15 nearest contexts of the first half of the sets predict the second half.

    `family` is the share of correct families (0.25 by chance), `mean` and `variance` are R².
    """
    known, asked = np.array_split(contexts, 2)
    apart = np.square(asked[:, None] - known[None]).sum(-1)
    nearest = np.argsort(apart, axis=1)[:, :NEIGHBOURS]
    family = np.asarray(drawn.family)
    votes = np.eye(len(FAMILIES))[family[nearest]].sum(1)
    figures = {"family": float((votes.argmax(1) == family[len(known) :]).mean())}
    for name in ("mean", "variance"):
        values = np.asarray(getattr(drawn, name), np.float64)
        true = values[len(known) :]
        error = np.square(values[nearest].mean(1) - true).mean()
        figures[name] = float(1 - error / true.var())
    return figures
