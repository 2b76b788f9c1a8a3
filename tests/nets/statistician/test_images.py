"""The networks on images: sizes, likelihood, batch norm. The operations are in `test_ops`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.compute.native import use_native
from metabench.errors import UserError
from metabench.nets.statistician.images import Bernoulli, PaperDecoder, PaperEncoder, sides
from metabench.nets.statistician.layers import BatchNorm
from metabench.nets.statistician.small_images import SmallDecoder, SmallEncoder

PAIRS = {"paper": (PaperEncoder, PaperDecoder), "small": (SmallEncoder, SmallDecoder)}


@pytest.fixture(autouse=True)
def native():
    with use_native(True):
        yield


def test_sides():
    assert sides((28, 20, 1), 3) == [(28, 20), (14, 10), (7, 5), (4, 3)]


def there_and_back(network, image):
    """Features of six images, how many were promised, and logits of two sets of three."""
    encoder, decoder = PAIRS[network]
    encoder = encoder(image, 4, nnx.Rngs(0))
    decoder = decoder((5, 2), image, 4, nnx.Rngs(1))
    h = encoder(jax.random.uniform(jax.random.key(0), (6, *image)), train=True)
    c, z = jnp.ones((2, 1, 5)), jax.random.normal(jax.random.key(1), (2, 3, 2))
    return h, jnp.zeros(encoder.features), decoder(c, z, train=True)


@pytest.mark.parametrize("network", PAIRS)
@pytest.mark.parametrize("image", [(28, 28, 1), (13, 18, 3)])
def test_sizes(network, image):
    h, promised, logits = jax.eval_shape(lambda: there_and_back(network, image))
    assert h.shape == (6, *promised.shape)
    assert logits.shape == (2, 3, *image)


def test_the_papers_decoder_has_a_dense_layer_before_its_first_image():
    """As in public code: linear maps are added, then ELU and a layer to 4 x 4 images."""
    params = nnx.to_pure_dict(
        nnx.state(nnx.eval_shape(lambda: PaperDecoder((5, 2), (28, 28, 1), 4, nnx.Rngs(0))))
    )
    joined = [params["join"]["inputs"][place]["matrix"].shape for place in (0, 1)]
    assert joined == [(5, 16), (2, 16)]
    assert params["image"]["matrix"].shape == (16, 4 * 4 * 16)


def test_members_of_a_set_differ_by_their_latents():
    logits = jax.jit(lambda: there_and_back("small", (13, 18, 1)))()[2]
    assert np.ptp(np.asarray(logits[0, :, 3, 3, 0])) > 0


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
    expected = (np.asarray(x) - np.asarray(norm.mean[...])) / np.sqrt(norm.var[...] + 1e-5)
    np.testing.assert_allclose(still, expected, rtol=1e-4)


def test_images_too_small():
    with pytest.raises(UserError, match="`image_size` is 7; it is halved three times"):
        SmallEncoder((7, 28, 1), 4, nnx.Rngs(0))
