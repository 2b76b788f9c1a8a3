"""Spatial MNIST: digits as sets of 50 points, drawn from their ink, and summaries of six points.

Edwards & Storkey 2017, section 5.2. The model never sees an image or a label.
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
from metabench.nets.statistician.gaussians import Gaussian, draw, kl
from metabench.nets.statistician.model import Sizes, Statistician
from metabench.nets.statistician.vectors import GaussianVectors, VectorEncoder
from metabench.seeds import root_key
from metabench.tracks.statistician.fitting import fit
from metabench.tracks.statistician.summaries import Greedy, summarise
from metabench.types import PyTree

POINTS, SETS, TAKEN = 50, 16, 6
SIZES = Sizes(context=64, latent=2, layers=3, hidden=128, norm=False)
HELD_OUT = 10  # every tenth image is not used in training


class Summarised(NamedTuple):
    """Sets that were not trained on, and the results of the model on them; points as (x, y)."""

    points: np.ndarray  # [sets, 50, 2]
    chosen: np.ndarray  # int [sets, 6], the first k are the summary of k
    samples: np.ndarray  # [sets, 50, 2], given the context of the whole set
    samples_of_summary: np.ndarray  # the same, given the context of the summary
    figures: dict[str, float | list[float]]


def draw_points(key: jax.Array, images: jax.Array, points: int = POINTS) -> jax.Array:
    """Points drawn in proportion to the ink: uint8 [n, h, w] to [n, points, 2].

    As (x, y), y upwards, both within [-1, 1]; each point is uniform within its pixel.
    """
    place, within = jax.random.split(key)
    number, height, width = images.shape
    ink = jnp.log(images.reshape(number, 1, -1).astype(jnp.float32))
    pixel = jax.random.categorical(place, ink, shape=(number, points))
    inside = jax.random.uniform(within, (2, number, points))
    x, y = (pixel % width + inside[0]) / width, (pixel // width + inside[1]) / height
    return jnp.stack([2 * x - 1, 1 - 2 * y], axis=-1)


def make(rngs: nnx.Rngs) -> Statistician:
    """The model: dense networks, three latents of two numbers."""

    def decoder(inputs: Sequence[int]) -> GaussianVectors:
        return GaussianVectors(inputs, 2, SIZES.hidden, 2, SIZES.norm, rngs)

    encoder = VectorEncoder(2, SIZES.hidden, 2, SIZES.norm, rngs)
    return Statistician(encoder, decoder, SIZES, rngs)


NET = functional(make)


def train(
    images: np.ndarray,
    steps: int,
    seed: int,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> PyTree:
    """Parameters after `steps` steps on 16 sets each, from the images that are not held out.

    `images`: uint8 [n, h, w].
    """
    known = jnp.asarray(np.delete(images, np.s_[::HELD_OUT], axis=0))

    def sets(key: jax.Array) -> jax.Array:
        which, where = jax.random.split(key)
        rows = jax.random.randint(which, (SETS,), 0, len(known))
        return draw_points(where, known[rows])

    return fit(NET, sets, steps, seed, progress, drop=True)


def measure(
    params: PyTree, images: np.ndarray, seed: int, sets: int = 100, greedy: Greedy = "discard"
) -> Summarised:
    """Summaries of held-out sets, and random subsets of the same size for comparison."""
    key = jax.random.fold_in(root_key(seed), 2**31)
    rows = np.linspace(0, len(images) - 1, sets).astype(int) // HELD_OUT * HELD_OUT
    points = draw_points(key, jnp.asarray(images[rows]))
    _, stats = NET.init(root_key(0))
    work = jax.jit(
        lambda keys, x: jax.lax.map(lambda one: _one(params, stats, greedy, *one), (keys, x))
    )
    found = work(jax.random.split(key, sets), points)
    chosen, nearest, random, whole, summary = (np.asarray(part) for part in found)
    figures: dict[str, float | list[float]] = {
        "divergence_of_greedy": [round(float(value), 3) for value in nearest.mean(0)],
        "divergence_of_random": round(float(random.mean()), 3),
        "greedy_is_nearer": float((nearest[:, -1] < random).mean()),
    }
    return Summarised(np.asarray(points), chosen, whole, summary, figures)


def _one(
    params: PyTree, stats: PyTree, greedy: Greedy, key: jax.Array, x: jax.Array
) -> tuple[jax.Array, ...]:
    """For one set [50, 2]: members, divergences, a random subset's divergence, two samples."""
    other, latents, noise = jax.random.split(key, 3)

    def posterior(subsets: jax.Array) -> Gaussian:
        return NET.apply(params, stats, "posterior", x, subsets)[0]

    taken = summarise(posterior, POINTS, TAKEN, greedy)
    subset = jnp.zeros(POINTS).at[taken.members].set(1.0)
    any_six = jax.random.permutation(other, jnp.arange(POINTS) < TAKEN).astype(jnp.float32)
    contexts = posterior(jnp.stack([jnp.ones(POINTS), subset, any_six]))
    whole, random = (Gaussian(contexts.mean[i], contexts.log_var[i]) for i in (0, 2))
    make_samples = partial(NET.apply, params, stats, "generate")
    described, _ = make_samples(contexts.mean[:2], POINTS, latents)
    whole_samples, summary_samples = draw(noise, described)
    return taken.members, taken.divergence, kl(whole, random), whole_samples, summary_samples
