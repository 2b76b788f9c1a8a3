"""The quadratics: the loss by hand, and what is drawn."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.learned_optimizers.problems.quadratic import Quadratic, quadratic


def test_loss_by_hand():
    """W = [[1, 2], [0, 3]], θ = (1, -1), y = (1, 1): Wθ - y = (-2, -4), so 20."""
    problem = Quadratic(jnp.array([[1.0, 2.0], [0.0, 3.0]]), jnp.array([1.0, 1.0]))
    optimizee = quadratic()
    assert float(optimizee.loss(jnp.array([1.0, -1.0]), problem, (), jax.random.key(0))) == 20.0
    assert float(optimizee.measured(jnp.array([1.0, -1.0]), problem, ())) == 20.0


def test_everything_drawn_is_standard_normal():
    optimizee, keys = quadratic(), jax.random.split(jax.random.key(0), 2000)
    problems, first = jax.vmap(optimizee.problem)(keys), jax.vmap(optimizee.init)(keys)
    assert problems.matrix.shape == (2000, 10, 10)
    for drawn in (problems.matrix, problems.target, first):
        np.testing.assert_allclose(drawn.mean(), 0, atol=0.03)
        np.testing.assert_allclose(drawn.std(), 1, atol=0.03)
