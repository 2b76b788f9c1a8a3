"""Encoder and decoder: sizes, shapes, mirror images, which norms look at other images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.compute.native import use_native
from metabench.errors import UserError
from metabench.nets.coder import (
    ImageDecoder,
    ImageEncoder,
    Layer,
    channels_at,
    joined,
    leaky,
    sizes,
)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def native():
    with use_native(True):
        yield


@pytest.mark.parametrize(
    ("image", "expected", "channels"),
    [
        ((28, 28, 1), [(28, 28), (14, 14), (7, 7), (4, 4)], [1, 8, 16, 32]),
        ((84, 84, 3), [(84, 84), (42, 42), (21, 21), (11, 11), (6, 6)], [3, 8, 16, 32, 32]),
        ((7, 5, 1), [(7, 5), (4, 3)], [1, 8]),
    ],
)
def test_sizes(image, expected, channels):
    assert sizes(image) == expected
    assert channels_at(image, 8) == channels


def test_images_too_small():
    with pytest.raises(UserError, match=r"`image_size` is 6; .* so it must be 7 or more"):
        sizes((6, 5, 1))


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("image", [(28, 28, 1), (84, 84, 3), (17, 9, 1), (7, 7, 2)])
def test_there_and_back(image, norm):
    rngs = nnx.Rngs(0)
    encoder = ImageEncoder(image, 4, 6, rngs, norm=norm)
    decoder = ImageDecoder(6, image, 4, rngs, norm=norm)
    z = encoder(jnp.ones((3, *image)), train=True)
    assert z.shape == (3, 6)
    assert decoder(z, train=True).shape == (3, *image)
    assert encoder.trunk(jnp.ones((3, *image))).shape == (3, encoder.features)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_other_images_matter_only_to_batch_norm_in_training(norm, train):
    rngs = nnx.Rngs(0)
    encoder = ImageEncoder((13, 13, 1), 4, 6, rngs, norm=norm)
    decoder = ImageDecoder(6, (13, 13, 1), 4, rngs, norm=norm)
    x = jax.random.uniform(jax.random.key(0), (4, 13, 13, 1))
    for net, given in ((encoder, x), (decoder, jax.random.normal(jax.random.key(1), (4, 6)))):
        alone, together = net(given[:1], train=train)[0], net(given, train=train)[0]
        assert np.allclose(alone, together, atol=1e-5) != (norm and train)


def test_a_pixel_reaches_the_code_and_every_number_of_it_the_image():
    """No part of an image is cut off on the way, nor of a decoded one."""
    rngs, image = nnx.Rngs(0), (11, 13, 1)
    encoder, decoder = ImageEncoder(image, 4, 6, rngs), ImageDecoder(6, image, 4, rngs)
    x = jax.random.uniform(jax.random.key(0), (1, *image))
    to_pixels = jax.jit(jax.grad(lambda x: jnp.square(encoder(x)).sum()))(x)
    assert (to_pixels != 0).all()
    to_image = jax.jit(jax.jacobian(decoder))(jax.random.normal(jax.random.key(1), (1, 6)))
    assert (jnp.abs(to_image).sum((0, 4)) > 0).all()


def test_a_layer_by_hand():
    layer = Layer((2, 3), nnx.Rngs(0))
    layer.bias[...] = jnp.asarray([1.0, -1.0, 0.0])
    found = layer.finish(jnp.asarray([[1.0, -1.0, -5.0]]), train=False)
    np.testing.assert_allclose(found, [[2.0, -0.4, -1.0]])
    np.testing.assert_allclose(leaky(jnp.asarray([-2.0, 0.0, 3.0])), [-0.4, 0.0, 3.0])


def test_images_of_several_tasks_are_joined():
    images = jnp.asarray(np.arange(2 * 3 * 4).reshape(2, 3, 2, 2, 1), jnp.uint8)
    found = joined(images)
    assert found.shape == (6, 2, 2, 1)
    np.testing.assert_allclose(found[5, 1, 1, 0], 23 / 255)
