"""Backbones that draw: what a key changes, and the networks that they are compared with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.backbones.fractional import fractional
from metabench.backbones.swapout import swapout
from metabench.compute.native import use_native
from metabench.errors import UserError

IMAGE = (16, 16, 1)
IMAGES = jax.random.uniform(jax.random.key(1), (2, *IMAGE))


def features(net, key, seed=0):
    with use_native(True):
        params, stats = net.init(jax.random.key(seed))
        return np.asarray(net.apply(params, stats, IMAGES, train=True, key=key)[0])


@pytest.mark.parametrize(
    ("factory", "settings", "plain"),
    [
        (swapout, {"norm": "layer", "units": 1}, {"masks": "residual"}),
        (fractional, {"norm": "layer", "blocks": 2}, {"regions": "halves"}),
    ],
)
def test_a_key_changes_the_answer_unless_nothing_is_drawn(factory, settings, plain):
    net, control = factory(IMAGE, width=8, **settings), factory(IMAGE, width=8, **settings, **plain)
    keys = None, jax.random.key(3), jax.random.key(4)
    found, same = ([features(one, key) for key in keys] for one in (net, control))
    assert np.abs(found[1] - found[2]).max() > 1e-3
    assert np.abs(found[1] - found[0]).max() > 1e-3
    np.testing.assert_array_equal(same[0], same[1])
    shapes = [
        [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(one.init, jax.random.key(0)))]
        for one in (net, control)
    ]
    assert shapes[0] == shapes[1]  # so that they can be compared


def test_swapout_without_masks_is_a_residual_network():
    """Its units by XLA's own operations, from the network's own parameters."""
    net = swapout(IMAGE, width=8, masks="residual", units=1, norm="none")
    params, stats = net.init(jax.random.key(0))

    def convolved(x, kernel, stride=1):
        form, border = ("NHWC", "HWIO", "NHWC"), ((1, 1), (1, 1))
        return jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), border, dimension_numbers=form
        )

    x = convolved(IMAGES, params["first"])
    for number in range(3):
        unit = params["units"][number]
        stride = 1 if number == 0 else 2
        y = jax.nn.relu(x)
        straight = x if number == 0 else y[:, ::2, ::2] @ unit["across"]
        y = convolved(y, unit["kernels"][0], stride)
        x = straight + convolved(jax.nn.relu(y), unit["kernels"][1])
    expected = jax.nn.relu(x).mean((1, 2))
    with use_native(True):
        found = net.apply(params, stats, IMAGES, train=False, key=None)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_sizes_and_wrong_options():
    assert swapout((28, 28, 1)).features == 64
    assert fractional((28, 28, 1), overlapping=False).features == 4 * 4 * 64
    assert fractional((28, 28, 1), features="mean").features == 64
    with pytest.raises(UserError, match="`alpha` is 2"):
        fractional(IMAGE, alpha=2.0)
    with pytest.raises(UserError, match="maps of 12 channels; where `norm` is `group`"):
        swapout(IMAGE, norm="group", width=48)


def test_regions_are_the_same_for_all_images_of_a_batch():
    net = fractional(IMAGE, width=8, norm="layer", blocks=2)
    with use_native(True):
        params, stats = net.init(jax.random.key(0))
        twice = jnp.concatenate([IMAGES[:1]] * 2)
        found, _ = net.apply(params, stats, twice, train=True, key=jax.random.key(3))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
