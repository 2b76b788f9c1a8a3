"""ResNet-12: sizes as published, and a block by XLA's own operations."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.backbones.resnet12 import resnet12, resnet12_narrow
from metabench.compute.native import use_native
from metabench.errors import UserError

FORM = ("NHWC", "HWIO", "NHWC")


def size_of(backbone):
    params, _ = jax.eval_shape(backbone.init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_sizes_are_those_of_the_papers():
    mini_imagenet = (84, 84, 3)
    assert resnet12(mini_imagenet).features == 640
    assert resnet12(mini_imagenet, features="all").features == 16_000  # Lee et al. 2019
    # Convolutions 9 c d + 2 · 9 d d + c d, and scale and shift of four normalisations.
    for net, widths in (
        (resnet12(mini_imagenet), (3, 64, 160, 320, 640)),
        (resnet12_narrow((28, 28, 1)), (1, 16, 32, 48, 64)),
    ):
        expected = sum(9 * c * d + 18 * d * d + c * d + 8 * d for c, d in pairwise(widths))
        assert size_of(net) == expected
    assert size_of(resnet12(mini_imagenet)) == 12_424_320
    assert resnet12_narrow((28, 28, 1), width=32).features == 32


def test_it_is_what_xla_computes():
    net = resnet12_narrow((16, 16, 1), width=8, norm="batch")
    params, stats = net.init(jax.random.key(0))
    x = images = jax.random.uniform(jax.random.key(1), (3, 16, 16, 1))

    def convolved(x, kernel):
        y = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=FORM)
        mean, var = y.mean((0, 1, 2), keepdims=True), y.var((0, 1, 2), keepdims=True)
        return (y - mean) / jnp.sqrt(var + 1e-5)

    def leaky(x):
        return jnp.where(x > 0, x, 0.1 * x)

    for number in range(4):
        block = params["blocks"][number]
        y = leaky(convolved(leaky(convolved(x, block["kernels"][0])), block["kernels"][1]))
        y = leaky(convolved(y, block["kernels"][2]) + convolved(x, block["across"]))
        n, h, w, c = y.shape
        x = y.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
    found, _ = jax.jit(lambda *inputs: net.apply(*inputs, train=False, key=None))(
        params, stats, images
    )
    np.testing.assert_allclose(found, x.mean((1, 2)), rtol=2e-3, atol=2e-3)


def test_dropping_only_with_a_key():
    images = jax.random.uniform(jax.random.key(1), (2, 16, 16, 1))
    found = []
    with use_native(True):
        for drop in (0.0, 0.3):
            net = resnet12_narrow((16, 16, 1), width=8, norm="layer", drop=drop)
            params, stats = net.init(jax.random.key(0))
            for key in (None, jax.random.key(2)):
                found.append(net.apply(params, stats, images, train=True, key=key)[0])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert np.abs(found[3] - found[0]).max() > 0.1


def test_wrong_options():
    with pytest.raises(UserError, match=r"`drop` is 0\.95; it must be from 0 to 0\.9"):
        resnet12((28, 28, 1), drop=0.95)
    with pytest.raises(UserError, match="maps of 12 channels; where `norm` is `group`"):
        resnet12_narrow((28, 28, 1), norm="group", width=48)
    with pytest.raises(UserError, match="`image_size` is 15"):
        resnet12((15, 15, 1))
