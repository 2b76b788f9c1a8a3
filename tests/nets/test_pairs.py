"""Relation Networks' parts: maps that keep their size, and pairs that are never made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.compute.native import use_native
from metabench.errors import UserError
from metabench.nets.conv4 import EPSILON, ConvBlock
from metabench.nets.functional import functional
from metabench.nets.fused import joined
from metabench.nets.ops import conv3x3
from metabench.nets.pairs import MapEmbedding, RelationModule, pairs_convolved
from tests.nets.both_paths import assert_same, both

pytestmark = pytest.mark.slow


def maps(number, size, channels, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(number, size, size, channels)))


def laid_together(supports, queries):
    """All pairs by loops: [queries · way, h, w, 2 c]."""
    return jnp.stack([jnp.concatenate([s, q], axis=-1) for q in queries for s in supports])


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("size", [4, 7])
def test_a_pairs_convolution_is_that_of_its_maps_laid_together(size, own):
    with jax.enable_x64(True), use_native(own):
        supports, queries = maps(3, size, 9), maps(4, size, 9, seed=1)
        kernel = maps(3, 3, 18 * 5, seed=2)[:, :, 0].reshape(3, 3, 18, 5)
        found = joined(pairs_convolved(supports, queries, kernel))
        expected = conv3x3(laid_together(supports, queries), kernel)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("norm", ["running", "group", "none"])
def test_a_relation_module_sees_pairs(norm, train):
    """Its first block is that of all pairs, laid together by loops."""
    with use_native(True):
        module = RelationModule(8, 8, 3, norm, nnx.Rngs(0))
        module.pairs.bias[...] = jnp.linspace(-0.5, 0.5, 8)
        supports, queries = maps(2, 4, 8), maps(3, 4, 8, seed=1)
        pairs = laid_together(supports, queries)
        graph, state = nnx.split(module)
        found = nnx.merge(graph, state)(supports, queries, train=train)
        again = nnx.merge(graph, state)
        x = again.second(again.pairs(pairs, train=train), train=train).reshape(6, -1)
        expected = again.last(jax.nn.relu(again.hidden(x))).reshape(3, 2)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert np.ptp(found) > 0.01


@pytest.mark.parametrize("size", [4, 7])
@pytest.mark.parametrize("train", [True, False])
def test_both_paths_agree_in_values_statistics_and_gradients(size, train):
    with jax.enable_x64(True):
        features = (size // 4) ** 2 * 9
        net = functional(lambda rngs: RelationModule(9, features, 3, "running", rngs))
        params, stats = jax.tree.map(
            lambda leaf: leaf.astype(jnp.float64), net.init(jax.random.key(0))
        )
        inputs = maps(2, size, 9), maps(3, size, 9, seed=1)

        def energy(params, *inputs):
            logits, after = net.apply(params, stats, *inputs, train=train)
            return jnp.sin(logits).sum(), after

        gradient = jax.value_and_grad(energy, (0, 1, 2), has_aux=True)
        assert_same(both(gradient, params, *inputs), 1e-7)


@pytest.mark.parametrize("own", [True, False])
def test_a_block_without_pooling_by_hand(own):
    with use_native(own):
        made = ConvBlock(2, 3, "running", nnx.Rngs(0), pool=False)
        made.scale[...], made.bias[...] = jnp.asarray([-1.0, 0.5, 2.0]), jnp.asarray([0.1, 0, -0.2])
        x = maps(4, 5, 2).astype("f4")
        y = np.asarray(conv3x3(x, made.kernel[...]))
        scale, bias = np.asarray(made.scale[...]), np.asarray(made.bias[...])
        known = np.maximum(y / np.sqrt(1 + EPSILON) * scale + bias, 0)
        np.testing.assert_allclose(made(x), known, atol=1e-5)
        normed = (y - y.mean((0, 1, 2))) / np.sqrt(y.var((0, 1, 2)) + EPSILON)
        found = made(x, train=True)
        np.testing.assert_allclose(found, np.maximum(normed * scale + bias, 0), atol=1e-4)
        np.testing.assert_allclose(made.mean[...], 0.1 * y.mean((0, 1, 2)), atol=1e-5)


@pytest.mark.parametrize(("size", "side"), [(16, 4), (28, 7), (84, 21)])
def test_an_embedding_pools_twice(size, side):
    net = functional(lambda rngs: MapEmbedding(3, 8, "running", rngs))
    params, stats = jax.eval_shape(net.init, jax.random.key(0))
    images = jnp.zeros((2, size, size, 3))
    found, _ = jax.eval_shape(net.apply, params, stats, images)
    assert found.shape == (2, side, side, 8)


@pytest.mark.parametrize(("norm", "width"), [("bach", 8), ("running", 0), ("group", 12)])
def test_wrong_options(norm, width):
    with pytest.raises(UserError, match=r"`norm` is 'bach'|`width` is"):
        MapEmbedding(1, width, norm, nnx.Rngs(0))
