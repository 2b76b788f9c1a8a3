"""A module as pure functions: parameters apart from running statistics, under any transform."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from metabench.nets.functional import functional


class Centre(nnx.Module):
    """Scales its input, and keeps a running mean of it while training."""

    def __init__(self, rngs):
        self.scale = nnx.Param(jax.random.normal(rngs.params(), (2,)))
        self.mean = nnx.BatchStat(jnp.zeros(2))

    def __call__(self, x, *, train=False):
        if train:
            self.mean[...] = 0.5 * self.mean[...] + 0.5 * x.mean(0)
        return (x - self.mean[...][None]) * self.scale[...][None]


NET = functional(Centre)
X = jnp.asarray([[1.0, 2.0], [3.0, 6.0]])


def test_parameters_and_statistics_are_apart():
    params, stats = NET.init(jax.random.key(0))
    assert [leaf.shape for leaf in jax.tree.leaves(params)] == [(2,)]
    np.testing.assert_array_equal(jax.tree.leaves(stats), [[0, 0]])


def test_init_depends_on_the_key_alone():
    def scale(seed):
        return jax.tree.leaves(NET.init(jax.random.key(seed))[0])[0]

    np.testing.assert_array_equal(scale(0), scale(0))
    np.testing.assert_array_equal(jax.jit(NET.init)(jax.random.key(1))[0]["scale"], scale(1))
    assert not np.array_equal(scale(0), scale(1))


def test_statistics_come_back_and_nothing_is_changed_in_place():
    params, stats = NET.init(jax.random.key(0))
    output, after = NET.apply(params, stats, X, train=True)
    np.testing.assert_allclose(after["mean"], [1, 2])
    np.testing.assert_allclose(output, (X - jnp.asarray([[1.0, 2.0]])) * params["scale"][None])
    np.testing.assert_array_equal(stats["mean"], [0, 0])
    _, still = NET.apply(params, after, X)
    np.testing.assert_array_equal(still["mean"], after["mean"])


def test_under_jit_scan_grad_and_vmap():
    params, stats = NET.init(jax.random.key(0))

    def loss(params, stats, x):
        output, stats = NET.apply(params, stats, x, train=True)
        return jnp.square(output).sum(), stats

    def step(carry, x):
        params, stats = carry
        grads, stats = jax.grad(loss, has_aux=True)(params, stats, x)
        return (jax.tree.map(lambda p, g: p - 0.01 * g, params, grads), stats), None

    inputs = jnp.stack([X, 0.5 * X, -X])
    (found, after), _ = jax.jit(lambda carry: jax.lax.scan(step, carry, inputs))((params, stats))
    scale, mean = np.asarray(params["scale"]), np.zeros(2)
    for x in np.asarray(inputs):
        mean = 0.5 * mean + 0.5 * x.mean(0)
        scale = scale - 0.01 * 2 * scale * np.square(x - mean).sum(0)
    np.testing.assert_allclose(after["mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(found["scale"], scale, rtol=1e-5)
    many = jax.vmap(lambda x: NET.apply(params, stats, x, train=True)[1]["mean"])(inputs)
    np.testing.assert_allclose(many, inputs.mean(1) / 2, rtol=1e-6)
