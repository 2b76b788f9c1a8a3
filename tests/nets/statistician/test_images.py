"""The networks on images: sizes, likelihood, and the same on both paths of the operations."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from both_paths import assert_same, both
from flax import nnx

from metabench.errors import UserError
from metabench.nets.functional import functional
from metabench.nets.statistician.images import Bernoulli, PaperDecoder, PaperEncoder, sides
from metabench.nets.statistician.layers import BatchNorm
from metabench.nets.statistician.small_images import SmallDecoder, SmallEncoder

PAIRS = {"paper": (PaperEncoder, PaperDecoder), "small": (SmallEncoder, SmallDecoder)}


def test_sides():
    assert sides((28, 20, 1), 3) == [(28, 20), (14, 10), (7, 5), (4, 3)]


@pytest.mark.parametrize("network", PAIRS)
@pytest.mark.parametrize("image", [(28, 28, 1), (13, 18, 3)])
def test_there_and_back(network, image):
    encoder, decoder = PAIRS[network]
    encoder = encoder(image, 4, nnx.Rngs(0))
    decoder = decoder((5, 2), image, 4, nnx.Rngs(1))
    x = jax.random.uniform(jax.random.key(0), (6, *image))
    assert encoder(x, train=True).shape == (6, encoder.features)
    c, z = jnp.ones((2, 1, 5)), jax.random.normal(jax.random.key(1), (2, 3, 2))
    logits = decoder(c, z, train=True)
    assert logits.shape == (2, 3, *image)
    assert np.ptp(np.asarray(logits[0, :, 3, 3, 0])) > 0  # members differ by their z


@pytest.mark.parametrize("network", PAIRS)
def test_both_paths_agree(network):
    encoder = functional(lambda rngs: PAIRS[network][0]((14, 14, 1), 9, rngs))
    decoder = functional(lambda rngs: PAIRS[network][1]((3,), (14, 14, 1), 9, rngs))
    with jax.enable_x64(True):
        ours = [net.init(jax.random.key(0)) for net in (encoder, decoder)]
        ours = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), ours)
        x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 14, 14, 1)))
        c = jnp.asarray(np.random.default_rng(1).normal(size=(2, 2, 3)))

        def energy(first, second):
            h, _ = encoder.apply(*first, x, train=True)
            y, _ = decoder.apply(*second, c, train=True)
            return jnp.sin(h).sum() + jnp.sin(y).sum()

        def gradients(*params):
            pairs = [(p, stats) for p, (_, stats) in zip(params, ours, strict=True)]
            return energy(*pairs)

        assert_same(both(jax.value_and_grad(gradients, (0, 1)), ours[0][0], ours[1][0]), 1e-7)


def test_likelihood_of_pixels():
    logits = jnp.asarray([-2.0, 0.5, 3.0]).reshape(1, 1, 3, 1, 1)
    x = jnp.asarray([1.0, 0.0, 1.0]).reshape(1, 1, 3, 1, 1)
    p = 1 / (1 + np.exp(-np.array([-2.0, 0.5, 3.0])))
    expected = np.log([p[0], 1 - p[1], p[2]]).sum()
    np.testing.assert_allclose(Bernoulli.log_likelihood(logits, x), [[expected]], rtol=1e-6)


def test_batch_norm_is_that_of_the_batch_then_of_running_averages():
    norm, x = BatchNorm(2), jax.random.normal(jax.random.key(0), (50, 3, 2)) * 4 + 1
    y = norm(x, train=True)
    np.testing.assert_allclose(y.mean((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 1)), 1, atol=1e-4)
    np.testing.assert_allclose(norm.mean[...], 0.1 * x.mean((0, 1)), rtol=1e-5)
    still = norm(x, train=False)
    expected = (x - norm.mean[...]) / np.sqrt(norm.var[...] + 1e-5)
    np.testing.assert_allclose(still, expected, rtol=1e-4)


def test_images_too_small():
    with pytest.raises(UserError, match="`image_size` is 7; it is halved three times"):
        SmallEncoder((7, 28, 1), 4, nnx.Rngs(0))
