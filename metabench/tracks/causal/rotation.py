"""Two numbers, cause and effect, of which only a rotation is observed.

The effect is a random smooth function of the cause, with noise. A transfer distribution moves the
mean of the cause.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import CubicSpline

SPAN, ANCHORS = 6.0, 10  # a curve goes through this many random points, from -SPAN to SPAN
SPREAD, FARTHEST = 2.0, 4.0  # of the cause: deviation, and the greatest mean of a transfer
MIXED = -math.pi / 4  # the angle by which the observed variables are turned


class Curve(NamedTuple):
    """A piecewise cubic function, constant outside of its knots."""

    knots: jax.Array  # [anchors]
    coefficients: jax.Array  # [4, anchors - 1], the highest power first


def draw_curve(seed: int) -> Curve:
    """A cubic spline through points whose heights are even in [-SPAN, SPAN]."""
    knots = np.linspace(-SPAN, SPAN, ANCHORS)
    heights = np.random.default_rng(seed).uniform(-SPAN, SPAN, ANCHORS)
    spline = CubicSpline(knots, heights)
    return Curve(jnp.float32(spline.x), jnp.float32(spline.c))


def values(curve: Curve, x: jax.Array) -> jax.Array:
    """The function at x [n]."""
    inside = jnp.clip(x, curve.knots[0], curve.knots[-1])
    piece = jnp.clip(jnp.searchsorted(curve.knots, inside, side="right") - 1, 0, ANCHORS - 2)
    offset, powers = inside - curve.knots[piece], curve.coefficients[:, piece]
    return ((powers[0] * offset + powers[1]) * offset + powers[2]) * offset + powers[3]


def observe(curve: Curve, key: jax.Array, samples: int, mean: jax.Array | float) -> jax.Array:
    """Examples of the two observed variables, [samples, 2]."""
    first, second = jax.random.split(key)
    cause = mean + SPREAD * jax.random.normal(first, (samples,))
    effect = values(curve, cause) + jax.random.normal(second, (samples,))
    return turned(jnp.stack([cause, effect], -1), MIXED)


def turned(pairs: jax.Array, angle: jax.Array | float) -> jax.Array:
    """Rows [n, 2], turned by `angle` in radians."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return pairs @ jnp.array([[cosine, -sine], [sine, cosine]])


def off(angles: np.ndarray) -> np.ndarray:
    """How far encoders are from giving back cause and effect, in radians, from 0 to π/4.

    A quarter of a turn more exchanges the two and their signs, and is as good.
    """
    quarter = math.pi / 2
    rest = np.mod(np.asarray(angles) + MIXED, quarter)
    return np.asarray(np.minimum(rest, quarter - rest))


def cause_is_first(angles: np.ndarray) -> np.ndarray:
    """Whether the first encoded variable is nearer to the cause than to the effect, or minus it."""
    return np.abs(np.cos(np.asarray(angles) + MIXED)) > math.sqrt(0.5)
