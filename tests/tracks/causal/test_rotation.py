"""The world of two numbers: its curve, its rotation, and how far an encoder is from the truth."""

import math

import jax
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from metabench.tracks.causal.rotation import (
    ANCHORS,
    SPAN,
    cause_is_first,
    draw_curve,
    observe,
    off,
    turned,
    values,
)


def test_the_curve_is_the_spline_within_its_span_and_constant_outside():
    knots = np.linspace(-SPAN, SPAN, ANCHORS)
    heights = np.random.default_rng(3).uniform(-SPAN, SPAN, ANCHORS)
    x = np.array([-6.0, -5.9, -0.2, 3.33, 5.999, 6.0])
    curve = draw_curve(3)
    np.testing.assert_allclose(values(curve, x), CubicSpline(knots, heights)(x), rtol=1e-3)
    np.testing.assert_allclose(values(curve, np.array([-9.0, 9.0])), heights[[0, -1]], rtol=1e-3)


@pytest.mark.parametrize(
    ("angle", "far", "first"),
    [(math.pi / 4, 0, True), (-math.pi / 4, 0, False), (5 * math.pi / 4, 0, True),
     (0.0, math.pi / 4, None), (math.pi / 4 + 0.1, 0.1, True), (-math.pi / 4 - 0.2, 0.2, False)],
)  # fmt: skip
def test_encoders_that_give_back_cause_and_effect(angle, far, first):
    np.testing.assert_allclose(off(np.array(angle)), far, atol=1e-6)
    if first is not None:
        assert cause_is_first(np.array(angle)) == first
        curve = draw_curve(0)
        encoded = np.array(turned(observe(curve, jax.random.key(0), 400, 0.0), angle))
        # The encoded variable that is the cause is of the deviation of the cause, and the other
        # follows the curve; their residual is the noise.
        cause, effect = encoded.T if first else encoded.T[::-1]
        if far == 0:
            fits = [np.std(s * effect - np.array(values(curve, t * cause)))
                    for s in (-1, 1) for t in (-1, 1)]  # fmt: skip
            np.testing.assert_allclose(min(fits), 1.0, atol=0.1)
