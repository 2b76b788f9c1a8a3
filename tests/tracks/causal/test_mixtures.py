"""Mixtures of one variable: densities against scipy, and what EM finds."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from metabench.tracks.causal.mixtures import (
    Mixture,
    conditional,
    fitted,
    log_density,
    new_network,
)


def test_the_density_is_that_of_its_components():
    weights, means, deviations = [0.2, 0.5, 0.3], [-1.0, 0.5, 2.0], [0.5, 1.5, 0.1]
    mixture = Mixture(jnp.log(jnp.array(weights)), jnp.array(means), jnp.log(jnp.array(deviations)))
    x = np.array([-2.0, 0.0, 1.9])
    parts = [
        w * stats.norm(m, s).pdf(x) for w, m, s in zip(weights, means, deviations, strict=True)
    ]
    whole = jax.tree.map(lambda one: one[None], mixture)
    np.testing.assert_allclose(log_density(whole, jnp.array(x)), np.log(sum(parts)), rtol=1e-5)


def test_em_finds_two_groups():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-3, 0.5, 300), rng.normal(2, 1.0, 700)])
    found = jax.jit(lambda x: fitted(x, 2, 40))(jnp.array(x, jnp.float32))
    np.testing.assert_allclose(found.means[0], [-3, 2], atol=0.15)
    np.testing.assert_allclose(np.exp(found.log_weights[0]), [0.3, 0.7], atol=0.03)
    np.testing.assert_allclose(np.exp(found.log_deviations[0]), [0.5, 1.0], atol=0.1)


def test_a_conditional_mixture_is_normalised():
    params = new_network(jax.random.key(0), 6, 4)
    grid = jnp.linspace(-40, 40, 8001)
    whole = conditional(params, jnp.array([0.3]))
    mass = np.exp(np.array(log_density(whole, grid))).sum() * 0.01
    np.testing.assert_allclose(mass, 1, rtol=1e-3)
