"""Scores by class: hand-worked, against a plain reference, and in memory that does not explode."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.learners.common.by_class import largest, log_sum

SCORES = jnp.array([[1.0, 5.0, 3.0, 2.0], [-4.0, -9.0, 0.0, 7.0]])
LABELS = jax.nn.one_hot(jnp.array([2, 0, 2, 1]), 4)  # class 3 has no support


def test_the_largest_of_each_class():
    found = largest(SCORES, LABELS, -20.0)
    np.testing.assert_array_equal(found, [[5, 2, 3, -20], [-9, 7, 0, -20]])


def test_the_logarithm_of_a_sum_of_each_class():
    found = log_sum(SCORES, LABELS[:, :3])
    np.testing.assert_allclose(
        found, [[5, 2, np.logaddexp(1, 3)], [-9, 7, np.logaddexp(-4, 0)]], rtol=1e-5
    )


def test_a_class_far_below_the_others_has_a_finite_sum_and_gradient():
    scores = jnp.array([[0.0, -500.0]])

    def far(scores):
        return log_sum(scores, jnp.eye(2))[0, 1]

    assert far(scores) == -500
    np.testing.assert_array_equal(jax.grad(far)(scores), [[0, 1]])


def test_the_gradient_is_the_share_of_each_support():
    gradient = jax.grad(lambda scores: log_sum(scores, LABELS[:, :3])[0, 2])(SCORES)
    share = np.exp(1) / (np.exp(1) + np.exp(3))
    np.testing.assert_allclose(gradient, [[share, 0, 1 - share, 0], [0] * 4], rtol=1e-5)


@pytest.mark.parametrize("gathered", [lambda s, y: largest(s, y, -2.0), log_sum])
def test_memory_is_that_of_the_scores(gathered):
    way, shot, query = 50, 4, 10
    scores = jax.ShapeDtypeStruct((way * query, way * shot), jnp.float32)
    labels = jax.ShapeDtypeStruct((way * shot, way), jnp.float32)
    compiled = jax.jit(gathered).lower(scores, labels).compile()
    scores_alone = way * query * way * shot * 4
    assert compiled.memory_analysis().temp_size_in_bytes <= 4 * scores_alone
