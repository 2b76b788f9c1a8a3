"""Posteriors of contexts, of both kinds: divergences of every pair, and from the prior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.statistician.contexts import centre, draw, from_prior, kl, kl_between
from metabench.nets.statistician.gaussians import Gaussian
from metabench.nets.statistician.mixtures import Mixture
from tests.nets.statistician.test_gaussians import gaussian, integrated


def mixture_of(one):
    """A Gaussian as a mixture of two that are equal to it."""
    wide = [jnp.stack([part, part], -2) for part in one]
    return Mixture(jnp.log(jnp.full(wide[0].shape[:-1], 0.5)), *wide)


@pytest.mark.parametrize("from_queries", [True, False])
def test_every_query_meets_every_class(from_queries):
    queries, classes = gaussian(2, 2), gaussian(3, 2)
    found = kl_between(queries, classes, from_queries=from_queries)
    assert found.shape == (2, 3)
    for i in range(2):
        for j in range(2):
            query = Gaussian(queries.mean[i], queries.log_var[i])
            one = Gaussian(classes.mean[j], classes.log_var[j])
            expected = integrated(query, one) if from_queries else integrated(one, query)
            np.testing.assert_allclose(found[i, j], expected, rtol=1e-4)
            mixed = kl(mixture_of(query), mixture_of(one))
            other = kl(mixture_of(one), mixture_of(query))
            np.testing.assert_allclose(mixed if from_queries else other, expected, rtol=1e-4)
    pairs = kl_between(mixture_of(queries), mixture_of(classes), from_queries=from_queries)
    np.testing.assert_allclose(pairs, found, rtol=1e-4, atol=1e-5)


def test_the_estimate_from_the_prior_is_unbiased():
    one = gaussian(1, 3)
    many = jax.tree.map(lambda part: jnp.broadcast_to(part, (20_000, *part.shape[1:])), one)
    mixed = mixture_of(many)
    samples = draw(jax.random.key(0), mixed)
    found = np.asarray(from_prior(mixed, samples))
    error = found.std() / len(found) ** 0.5
    assert abs(found.mean() - float(from_prior(one, samples[:1])[0])) < 4 * error
    np.testing.assert_allclose(samples.mean(0), centre(one)[0], atol=0.05)
    np.testing.assert_allclose(centre(mixed)[0], one.mean[0], rtol=1e-5)


def test_two_kinds_have_no_divergence():
    one = Gaussian(jnp.zeros((1, 2)), jnp.zeros((1, 2)))
    with pytest.raises(TypeError, match="Gaussian and Mixture are of two kinds"):
        kl(one, mixture_of(one))
