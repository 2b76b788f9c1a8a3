"""Conv4: shapes, and which statistics normalise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.compute.native import use_native
from metabench.errors import UserError
from metabench.nets.conv4 import EPSILON, MOMENTUM, Conv4, ConvBlock, conv4_features


@pytest.fixture(autouse=True)
def native():
    """XLA's own convolution: quicker to compile, and `test_ops.py` compares the other."""
    with use_native(True):
        yield


def images(number, size=16, channels=1, seed=0):
    return jnp.asarray(
        np.random.default_rng(seed).uniform(size=(number, size, size, channels)), "f4"
    )


def block(norm, width=8):
    """A block with a scale and a bias that are not 1 and 0."""
    made = ConvBlock(1, width, norm, nnx.Rngs(0))
    made.scale[...] = jnp.linspace(-1.5, 1.5, width)
    made.bias[...] = jnp.linspace(1, -0.2, width)
    return made


def convolved(x, kernel):
    """3×3, SAME, by loops over the kernel: numpy [n, h, w, d]."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    return sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)
    )


def finished(y, made):
    """Scale, shift, ReLU and pooling of normalised numpy `y`."""
    y = np.maximum(y * np.asarray(made.scale[...]) + np.asarray(made.bias[...]), 0)
    n, h, w, d = y.shape
    return y[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, d).max((2, 4))


def normalised(y, axes):
    return (y - y.mean(axes, keepdims=True)) / np.sqrt(y.var(axes, keepdims=True) + EPSILON)


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("norm", ["running", "batch", "group", "layer", "none"])
def test_a_block_by_hand(norm, size):
    made, x = block(norm, width=16), images(3, size)
    y = convolved(np.asarray(x), np.asarray(made.kernel[...]))
    grouped = y.reshape(*y.shape[:3], 8, 2)
    expected = {
        "running": y / np.sqrt(1 + EPSILON),  # the first running statistics are 0 and 1
        "batch": normalised(y, (0, 1, 2)),
        "group": normalised(grouped, (1, 2, 4)).reshape(y.shape),
        "layer": normalised(y, (1, 2, 3)),
        "none": y,
    }[norm]
    np.testing.assert_allclose(made(x), finished(expected, made), atol=2e-5)


def test_running_statistics_move_towards_those_of_the_batch_in_training_only():
    made, x = block("running"), images(4)
    y = convolved(np.asarray(x), np.asarray(made.kernel[...]))
    np.testing.assert_allclose(
        made(x, train=True), finished(normalised(y, (0, 1, 2)), made), atol=2e-5
    )
    mean, var = (1 - MOMENTUM) * y.mean((0, 1, 2)), MOMENTUM + (1 - MOMENTUM) * y.var((0, 1, 2))
    np.testing.assert_allclose(made.mean[...], mean, atol=1e-6)
    np.testing.assert_allclose(made.var[...], var, rtol=1e-5)
    expected = finished((y - mean) / np.sqrt(var + EPSILON), made)
    for _ in range(2):  # the second time as the first: nothing has moved
        np.testing.assert_allclose(made(x), expected, atol=2e-5)


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("norm", ["running", "batch", "group", "layer", "none"])
def test_which_norms_look_at_other_images(norm, train):
    made, x = block(norm), images(4)
    alone, together = made(x[:1], train=train)[0], made(x, train=train)[0]
    depends = norm == "batch" or (norm == "running" and train)
    assert np.allclose(alone, together, atol=1e-5) != depends


@pytest.mark.parametrize(
    ("image", "width", "features"),
    [((28, 28, 1), 64, 64), ((84, 84, 3), 64, 1600), ((17, 35, 1), 8, 16)],
)
def test_features(image, width, features):
    assert conv4_features(image, width) == features
    net = nnx.eval_shape(lambda: Conv4(image[2], width=width, rngs=nnx.Rngs(0)))
    graph, state = nnx.split(net)
    found = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, jnp.zeros((2, *image)))
    assert found.shape == (2, features)


def test_parameters():
    """9·64 + 3·(9·64·64) weights, and a scale and a bias of 64 in each block."""
    params = nnx.state(nnx.eval_shape(lambda: Conv4(1, rngs=nnx.Rngs(0))), nnx.Param)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 9 * 64 + 3 * 9 * 64 * 64 + 8 * 64


def test_images_too_small():
    with pytest.raises(UserError, match=r"`image_size` is 15; .* 16 or more"):
        conv4_features((15, 20, 1), 64)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"norm": "bach"},
            "`norm` is 'bach'; it must be one of: running, batch, group, layer, none",
        ),
        ({"width": 0}, "`width` is 0"),
        ({"width": 12, "norm": "group"}, "`width` is 12; .* multiple of 8"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        Conv4(1, **options, rngs=nnx.Rngs(0))
