"""Normalisation: whose statistics are used, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.errors import UserError
from metabench.nets.normalise import EPSILON, MOMENTUM, Normalise

Y = np.asarray(jax.random.normal(jax.random.key(0), (3, 4, 5, 16))) * 2 + 1


def standard(y, axes):
    return (y - y.mean(axes, keepdims=True)) / np.sqrt(y.var(axes, keepdims=True) + EPSILON)


def test_the_statistics_of_each_option():
    groups = standard(Y.reshape(3, 4, 5, 8, 2), (1, 2, 4)).reshape(Y.shape)
    expected = {
        "batch": standard(Y, (0, 1, 2)),
        "layer": standard(Y, (1, 2, 3)),
        "group": groups,
        "none": Y,
        "running": Y / np.sqrt(1 + EPSILON),  # mean 0 and variance 1 before any training
        "support": Y / np.sqrt(1 + EPSILON),
    }
    for norm, wanted in expected.items():
        np.testing.assert_allclose(
            Normalise(16, norm)(jnp.asarray(Y)), wanted, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize(("norm", "part"), [("running", 1 - MOMENTUM), ("support", 1.0)])
def test_what_is_kept_of_a_training_batch(norm, part):
    module = Normalise(16, norm)
    found = module(jnp.asarray(Y), train=True)
    np.testing.assert_allclose(found, standard(Y, (0, 1, 2)), rtol=1e-4, atol=1e-4)
    mean, var = part * Y.mean((0, 1, 2)), (1 - part) + part * Y.var((0, 1, 2))
    np.testing.assert_allclose(module.mean[...], mean, rtol=1e-4, atol=1e-6)
    later = (Y - mean) / np.sqrt(var + EPSILON)
    np.testing.assert_allclose(module(jnp.asarray(Y)), later, rtol=1e-3, atol=1e-4)


def test_scale_and_shift_are_learned():
    module = Normalise(16, "layer")
    assert set(nnx.to_pure_dict(nnx.state(module, nnx.Param))) == {"scale", "bias"}
    module.scale[...], module.bias[...] = jnp.full(16, 2.0), jnp.full(16, 3.0)
    expected = 2 * standard(Y, (1, 2, 3)) + 3
    np.testing.assert_allclose(module(jnp.asarray(Y)), expected, rtol=1e-4, atol=1e-4)


def test_wrong_options():
    with pytest.raises(UserError, match="`norm` is 'bach'"):
        Normalise(16, "bach")
    with pytest.raises(UserError, match="maps of 12 channels; where `norm` is `group`"):
        Normalise(12, "group")
