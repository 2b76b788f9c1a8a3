"""Intervals of means, worked out by hand."""

import numpy as np
import pytest

from metabench.scoring.summary import half_width, linearised, summarise

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


def test_a_presentation_with_unequally_many_images_has_the_accuracy_of_all_images():
    """3 of 4 images in two streams, though the mean of the streams' shares is 5/6."""
    (found,) = linearised(np.array([[2], [1]]), np.array([[3], [1]])).T
    assert found.mean() == pytest.approx(3 / 4)
    # Residuals 2 - 9/4 and 1 - 3/4, over 2 images a stream.
    np.testing.assert_allclose(found, 3 / 4 + np.array([-1 / 8, 1 / 8]))
    nowhere = linearised(np.array([[0], [0]]), np.array([[0], [0]]))
    np.testing.assert_array_equal(nowhere, 0)
