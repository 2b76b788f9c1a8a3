"""The bound against numerical integrals, where context, latents and observations are numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.nets.functional import functional
from metabench.nets.statistician import mixtures
from metabench.nets.statistician.gaussians import log_density, standard
from metabench.nets.statistician.model import Sizes, Statistician, Terms
from metabench.nets.statistician.statistic import membership
from metabench.nets.statistician.vectors import GaussianVectors, VectorEncoder

pytestmark = pytest.mark.slow

GRID = jnp.arange(-9.0, 9.001, 0.25)  # of each integral, by the trapezium rule
STEP = 0.25
SAMPLES = 40_000
D = jnp.asarray([[0.4], [-0.9]])  # two observations


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def make(layers, rngs, components=None):
    sizes = Sizes(context=1, latent=1, layers=layers, hidden=4, norm=False, components=components)

    def decoder(inputs):
        return GaussianVectors(inputs, 1, 4, 1, False, rngs)

    return Statistician(VectorEncoder(1, 4, 1, False, rngs), decoder, sizes, rngs)


def model(layers, components=None):
    """A model whose weights are drawn wide enough for its parts to differ."""
    built = make(layers, nnx.Rngs(3), components)
    draws = np.random.default_rng(4)
    state = nnx.state(built, nnx.Param)
    wide = jax.tree.map(
        lambda leaf: jnp.asarray(np.clip(draws.normal(size=leaf.shape) * 0.4, -0.6, 0.6)), state
    )
    nnx.update(built, wide)
    return built


def grids(layers):
    """c, z_L … z_1 as [1, points, 1] arrays of all combinations, c slowest."""
    mesh = jnp.meshgrid(*[GRID] * (1 + layers), indexing="ij")
    return [axis.reshape(1, -1, 1) for axis in mesh]


def joint(built, layers, x):
    """log p(z, x | c), log q(z | c, x) on all combinations: [c, z_L, …] each."""
    c, *zs = grids(layers)
    h = built.encoder(x[None])[None]
    prior = posterior = 0.0
    for depth, layer in enumerate(reversed(list(built.layers))):
        given = (c, *zs[depth - 1 : depth]) if depth else (c,)
        prior = prior + log_density(layer.prior(*given), zs[depth])
        posterior = posterior + log_density(layer.posterior(*given, h), zs[depth])
    likelihood = built.decoder.log_likelihood(built.decoder(c, *reversed(zs)), x[None, None])
    shape = (len(GRID),) * (1 + layers)
    return (prior + likelihood).reshape(shape), posterior.reshape(shape)


def over_z(values):
    """Integrates all axes but the first, which is c."""
    return values.reshape(len(GRID), -1).sum(1) * STEP ** (values.ndim - 1)


def posterior_of_context(built):
    found = built.posterior(D, jnp.ones((1, len(D))))
    density = mixtures.log_density if isinstance(found, mixtures.Mixture) else log_density
    return density(found, GRID[:, None])


def integrated(layers, components=None):
    """log p(D) and the bound, both by quadrature; and a check that the grid is wide enough."""
    built = model(layers, components)
    context = log_density(standard((1, 1)), GRID[:, None])
    log_q = posterior_of_context(built)
    evidence, bound = context, context - log_q
    for x in D:
        log_p, log_posterior = joint(built, layers, x)
        evidence = evidence + jnp.log(over_z(jnp.exp(log_p)))
        inner = over_z(jnp.exp(log_posterior) * (log_p - log_posterior))
        whole = (jnp.exp(log_q) * over_z(jnp.exp(log_posterior))).sum() * STEP
        np.testing.assert_allclose(whole, 1, atol=1e-4)  # else the grid is too small or coarse
        bound = bound + inner
    total = (jnp.exp(log_q) * bound).sum() * STEP
    return float(jnp.log(jnp.exp(evidence).sum() * STEP)), float(total)


def sampled(layers, stay=None, components=None):
    """The model's own estimates, [SAMPLES]."""
    built = model(layers, components)
    graph, state = nnx.split(built)
    stay = jnp.ones((1, len(D))) if stay is None else stay

    def one(key):
        return nnx.merge(graph, state).bound(D[None], membership(stay), key).elbo()[0]

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), SAMPLES)))


@pytest.mark.parametrize(
    ("layers", "components"), [(1, None), (1, 2), pytest.param(2, None, marks=pytest.mark.slow)]
)
def test_the_bound_is_the_integrated_one_and_below_the_evidence(layers, components):
    evidence, bound = integrated(layers, components)
    found = sampled(layers, components=components)
    error = found.std() / np.sqrt(SAMPLES)
    assert error < 0.02
    assert abs(found.mean() - bound) < 4 * error
    assert bound < evidence - 0.01


def test_weights_of_the_annealed_loss():
    terms = Terms(jnp.asarray([[-3.0, -5.0]]), jnp.asarray([[1.0, 2.0]]), jnp.asarray([4.0]))
    np.testing.assert_allclose(terms.elbo(), [-8 - 7])
    np.testing.assert_allclose(terms.elbo(1.0), [2 * -8 - 7 / 2])


def test_who_is_left_out_is_explained_but_does_not_inform():
    built = model(1)
    stay = jnp.asarray([[1.0, 0.0]])
    moved = D.at[1].add(1.0)
    both = [built.posterior(x, stay) for x in (D, moved)]
    np.testing.assert_array_equal(both[0].mean, both[1].mean)
    key = jax.random.key(0)
    terms = [built.bound(x[None], membership(stay), key) for x in (D, moved)]
    assert terms[0].log_likelihood.shape == (1, 2)
    np.testing.assert_array_equal(terms[0].log_likelihood[:, 0], terms[1].log_likelihood[:, 0])
    assert terms[0].log_likelihood[0, 1] != terms[1].log_likelihood[0, 1]


def test_informants_inform_and_are_not_explained():
    built = model(1)
    key, all_of_them = jax.random.key(0), jnp.ones((1, 2))
    plain = built.bound(D[None], all_of_them, key)
    same = built.bound(D[None], jnp.ones((1, 3)), key, informants=jnp.concatenate([D, D[:1]]))
    again = built.bound(D[None], all_of_them, key, informants=D[::-1])
    moved = built.bound(D[None], all_of_them, key, informants=D + 1.0)
    for one, other in zip(plain, again, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert same.log_likelihood.shape == plain.log_likelihood.shape == (1, 2)
    assert abs(moved.context_kl - plain.context_kl) > 1e-6


def test_the_context_knows_how_many_members_there_are_but_not_their_order():
    built = model(1)
    both = built.posterior(D, jnp.ones((1, 2)))
    turned = built.posterior(D[::-1], jnp.ones((1, 2)))
    np.testing.assert_allclose(both.mean, turned.mean, rtol=1e-12)
    twice = built.posterior(jnp.concatenate([D, D]), jnp.ones((1, 4)))
    assert abs(twice.mean - both.mean).max() > 1e-3


def test_what_is_generated_has_the_moments_of_the_priors():
    built = model(1)
    c = jnp.asarray([[0.7]])
    found = built.generate(c, 50_000, jax.random.key(0))
    z = GRID[None, :, None]
    weight = np.exp(log_density(built.layers[0].prior(c[:, None]), z))[0] * STEP
    expected = (weight * np.asarray(built.decoder(c[:, None], z).mean)[0, :, 0]).sum()
    np.testing.assert_allclose(found.mean.mean(), expected, atol=0.01)


def test_as_pure_functions():
    with jax.enable_x64(False):
        net = functional(lambda rngs: make(2, rngs))
        params, stats = net.init(jax.random.key(0))
        terms, _ = net.apply(
            params, stats, "bound", D[None].astype(jnp.float32), jnp.ones((1, 2)),
            jax.random.key(1), train=True,
        )  # fmt: skip
        assert jax.tree.map(jnp.shape, terms) == Terms((1, 2), (1, 2), (1,))
