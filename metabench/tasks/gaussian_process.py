"""Gaussian-process regression on a stream of points: exact, fitted, and averaged over kernels.

With K = L Lᵀ the covariance of all points and w = L⁻¹ y, the density of y_t given all
points before it is Gaussian with mean y_t - L_tt w_t and deviation L_tt. So one Cholesky
factor gives every forecast of a stream, and its running sum the marginal likelihood of every
prefix (Rasmussen & Williams 2006, equation 2.30 and algorithm 2.1). All in float32: the
noise on the diagonal keeps the factor well conditioned.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.types import Forecast

GRID = (12, 8, 8)  # numbers of kernels in the grid along length, amplitude and noise
FIT_STEPS = 24  # of gradient ascent, from the best kernel of the grid
FIT_RATE = 0.05  # of the box's width, at first
JITTER = 1e-6  # times amplitude², on the diagonal


class Kernel(NamedTuple):
    """Squared exponential with noise: a² exp(-|x - x'|² / 2l²), plus s² on the diagonal.

    All three may have leading axes, the same for all.
    """

    length: jax.Array  # l
    amplitude: jax.Array  # a
    noise: jax.Array  # s, the standard deviation


def log_density(forecast: Forecast, ys: jax.Array) -> jax.Array:
    """Log density of each y under its forecast, in nats: [...]."""
    distance = (ys - forecast.mean) / forecast.deviation
    return -0.5 * jnp.square(distance) - jnp.log(forecast.deviation) - 0.5 * jnp.log(2 * jnp.pi)


def covariance(kernel: Kernel, xs: jax.Array, others: jax.Array) -> jax.Array:
    """Squared exponential between points [n, dimensions] and [m, dimensions], no noise: [n, m]."""
    apart = jnp.square(xs[:, None] - others[None]).sum(-1)
    return jnp.square(kernel.amplitude) * jnp.exp(-0.5 * apart / jnp.square(kernel.length))


def factor(kernel: Kernel, xs: jax.Array) -> jax.Array:
    """Cholesky factor of the covariance of noisy values at `xs` [n, dimensions]: [n, n]."""
    added = jnp.square(kernel.noise) + JITTER * jnp.square(kernel.amplitude)
    return jnp.linalg.cholesky(covariance(kernel, xs, xs) + added * jnp.eye(xs.shape[0]))


def sequential(kernel: Kernel, xs: jax.Array, ys: jax.Array) -> Forecast:
    """For each point, the forecast from the points before it.

    Args:
      kernel: scalars.
      xs: [steps, dimensions].
      ys: [steps].
    """
    root = factor(kernel, xs)
    white = jax.scipy.linalg.solve_triangular(root, ys, lower=True)
    deviation = jnp.diagonal(root)
    return Forecast(ys - deviation * white, deviation)


def at(kernel: Kernel, xs: jax.Array, ys: jax.Array, queries: jax.Array) -> Forecast:
    """The forecast of noisy values at `queries` [m, dimensions], from points [n]."""
    root = factor(kernel, xs)
    solve = partial(jax.scipy.linalg.solve_triangular, root, lower=True)
    cross = solve(covariance(kernel, xs, queries))
    explained = jnp.square(cross).sum(0)
    variance = jnp.square(kernel.amplitude) - explained + jnp.square(kernel.noise)
    least = jnp.square(kernel.noise)
    return Forecast(cross.T @ solve(ys), jnp.sqrt(jnp.maximum(variance, least)))


def grid(lowest: Kernel, highest: Kernel, sizes: tuple[int, int, int]) -> Kernel:
    """Kernels in the middles of equal cells of the box of logarithms; one leading axis."""
    shares = [(jnp.arange(size) + 0.5) / size for size in sizes]
    places = jnp.stack([one.ravel() for one in jnp.meshgrid(*shares, indexing="ij")], axis=-1)
    return inside(places, lowest, highest)


def inside(place: jax.Array, lowest: Kernel, highest: Kernel) -> Kernel:
    """The kernel at `place` [..., 3] in the unit cube, whose sides are logarithms of the ranges."""
    return Kernel(
        *(
            low * jnp.exp(place[..., side] * jnp.log(high / low))
            for side, (low, high) in enumerate(zip(lowest, highest, strict=True))
        )
    )


def place_of(kernel: Kernel, lowest: Kernel, highest: Kernel) -> jax.Array:
    """The inverse of `inside`: [..., 3]."""
    shares = [
        jnp.log(one / low) / jnp.log(high / low)
        for one, low, high in zip(kernel, lowest, highest, strict=True)
    ]
    return jnp.stack(shares, axis=-1)


def densities(kernels: Kernel, xs: jax.Array, ys: jax.Array) -> jax.Array:
    """Log density of each point given those before it, under each kernel: [kernels, steps]."""
    return jax.vmap(lambda kernel: log_density(sequential(kernel, xs, ys), ys))(kernels)


def evidence(each: jax.Array) -> jax.Array:
    """Log marginal likelihood of the points *before* each step, from `densities`: [..., steps]."""
    return jnp.cumsum(each, axis=-1) - each


def averaged(each: jax.Array) -> jax.Array:
    """Log density of each point under the mixture of all kernels, weighted by evidence so far.

    If the grid covers the box from which kernels are drawn, uniformly in logarithms, this is Bayes'
    rule, up to the resolution of the grid: on average no learner can be better.

    Args:
      each: from `densities`, [kernels, steps].
    """
    weights = jax.nn.log_softmax(evidence(each), axis=0)
    return jax.nn.logsumexp(weights + each, axis=0)


def fitted(
    each: jax.Array, kernels: Kernel, xs: jax.Array, ys: jax.Array, lowest: Kernel, highest: Kernel
) -> Kernel:
    """For each step, the kernel of largest marginal likelihood on the points before it, [steps].

    The search stays within the box, since the likelihood of few points has no maximum without
    bounds. It starts from the best of `kernels`, takes steps of projected Adam in the logarithms,
    and returns the best place that it visited. Before the first point it is the middle of the box.

    Args:
      each: `densities` of `kernels`, [kernels, steps].
      kernels: a grid.
      xs: [steps, dimensions].
      ys: [steps].
      lowest: corner of the box.
      highest: the opposite corner.
    """
    best = jax.tree.map(lambda leaf: leaf[evidence(each).argmax(0)], kernels)
    middle = jnp.full(3, 0.5)
    starts = place_of(best, lowest, highest).at[0].set(middle)
    steps = jnp.arange(ys.shape[0])

    def value(place: jax.Array, step: jax.Array) -> jax.Array:
        found = log_density(sequential(inside(place, lowest, highest), xs, ys), ys)
        return jnp.where(steps < step, found, 0.0).sum()

    places = jax.vmap(partial(_climb, value))(starts, steps)
    return inside(places, lowest, highest)


def _climb(
    value: Callable[[jax.Array, jax.Array], jax.Array], start: jax.Array, step: jax.Array
) -> jax.Array:
    """The best place in the unit cube that projected Adam visits from `start`."""
    optimizer = optax.adam(optax.cosine_decay_schedule(FIT_RATE, FIT_STEPS), b1=0.8, b2=0.95)
    gradient = jax.value_and_grad(value)

    def one(carry: tuple[Any, ...], _: None) -> tuple[tuple[Any, ...], None]:
        place, moments, best, highest = carry
        found, slope = gradient(place, step)
        best = jnp.where(found > highest, place, best)
        updates, moments = optimizer.update(-slope, moments)
        place = jnp.clip(optax.apply_updates(place, updates), 0.0, 1.0)
        return (place, moments, best, jnp.maximum(found, highest)), None

    first = (start, optimizer.init(start), start, jnp.float32(-jnp.inf))
    (_, _, best, _), _ = jax.lax.scan(one, first, None, length=FIT_STEPS)
    return best
