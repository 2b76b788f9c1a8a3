"""Intervals of means, worked out by hand."""

import numpy as np
import pytest

from metabench.scoring.summary import half_width, summarise

VALUES = np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 2.0]])


def test_half_widths_along_an_axis():
    np.testing.assert_allclose(half_width(VALUES), [1.96 * 2 / np.sqrt(3), 0])
    np.testing.assert_allclose(half_width(VALUES, axis=1), 1.96 * np.array([0.5, 0.5, 1.5]))


def test_one_value_has_no_spread():
    assert half_width(np.array([3.0])) == 0


def test_accuracies_over_episodes():
    found = summarise(np.array([1, 3]), 4)
    assert found.mean == 0.5
    assert found.ci95 == pytest.approx(1.96 * 0.25)
