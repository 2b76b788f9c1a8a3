"""A backbone from a module: its features are counted, and it is the module's network."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.backbones.conv4 import conv4
from metabench.backbones.strided4 import strided4
from metabench.nets.normalise import EPSILON


def test_features_are_counted():
    assert conv4((28, 28, 1)).features == 64
    assert conv4((84, 84, 3), width=32).features == 800
    assert strided4((28, 28, 1)).features == 256  # four halvings that round up: 2x2 pixels
    assert strided4((28, 28, 1), features="mean").features == 64


def test_strided4_by_operations_of_xla():
    net = strided4((15, 15, 2), width=8, norm="batch")
    params, stats = net.init(jax.random.key(0))
    x = images = jax.random.uniform(jax.random.key(1), (3, 15, 15, 2))
    for number in range(4):
        kernel = params["blocks"][number]["kernel"]
        form = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=form)
        mean, var = x.mean((0, 1, 2), keepdims=True), x.var((0, 1, 2), keepdims=True)
        x = jax.nn.relu((x - mean) / jnp.sqrt(var + EPSILON))
    found, _ = net.apply(params, stats, images, train=False, key=None)
    np.testing.assert_allclose(found, x.reshape(3, -1), rtol=1e-3, atol=1e-4)
