"""The classifier that episodes adapt: it is Conv4's architecture, and whose statistics it uses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.compute.native import use_native
from metabench.errors import UserError
from metabench.nets.classifier import Classifier, Layout, parted, rejoined
from metabench.nets.conv4 import Conv4
from metabench.nets.functional import functional
from metabench.types import EpisodeShape

SHAPE = EpisodeShape(way=3, shot=1, query=1, image=(16, 16, 1))
IMAGES = jax.random.bits(jax.random.key(0), (6, 16, 16, 1), jnp.uint8)


def made(norm, layout=Layout()):
    net = functional(lambda rngs: Classifier(SHAPE, 4, norm, rngs, layout))
    net = net._replace(apply=jax.jit(net.apply, static_argnames="train"))
    return net, *jax.jit(net.init)(jax.random.key(1))


def test_its_embedding_is_that_of_conv4():
    net, params, stats = made("batch")
    found, _ = net.apply(params, stats, IMAGES)
    conv4 = functional(lambda rngs: Conv4(1, width=4, norm="batch", rngs=rngs))
    with use_native(True):
        features, _ = jax.jit(conv4.apply)({"blocks": params["blocks"]}, {}, IMAGES / 255.0)
    head = params["head"]
    expected = features @ head["kernel"] + head["bias"][None]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("image", "width", "layout", "features"),
    [
        ((28, 28, 1), 64, Layout("strided", "mean"), 64),  # MAML on Omniglot
        ((28, 28, 1), 64, Layout("strided"), 256),  # Reptile on Omniglot
        ((84, 84, 3), 32, Layout("pooled"), 800),  # MAML on mini-ImageNet
        ((84, 84, 3), 32, Layout("pooled_same"), 1152),  # Reptile on mini-ImageNet
    ],
)
def test_the_head_reads_as_many_features_as_in_the_authors_codes(image, width, layout, features):
    shape = EpisodeShape(5, 1, 1, image)
    net = functional(lambda rngs: Classifier(shape, width, "batch", rngs, layout))
    params, stats = jax.eval_shape(net.init, jax.random.key(0))
    assert params["head"]["kernel"].shape == (features, 5)
    given = jax.ShapeDtypeStruct((2, *image), jnp.uint8)
    assert jax.eval_shape(net.apply, params, stats, given)[0].shape == (2, 5)


@pytest.mark.parametrize("blocks", ["strided", "pooled_same"])
def test_blocks_without_a_learned_scale(blocks):
    """Convolution, batch norm with a shift, ReLU, and pooling if any, by XLA's own operations."""
    net, params, stats = made("batch", Layout(blocks, "mean", norm_scale=False))
    stride = (2, 2) if blocks == "strided" else (1, 1)
    x = IMAGES / 255.0
    for number in range(4):
        block = params["blocks"][number]
        assert set(block) == {"kernel", "bias"}
        form = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(x, block["kernel"], stride, "SAME", dimension_numbers=form)
        var, mean = x.var((0, 1, 2), keepdims=True), x.mean((0, 1, 2), keepdims=True)
        x = jax.nn.relu((x - mean) / jnp.sqrt(var + 1e-5) + block["bias"][None, None, None])
        if blocks == "pooled_same":
            window = (1, 2, 2, 1)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "SAME")
    head = params["head"]
    expected = x.mean((1, 2)) @ head["kernel"] + head["bias"][None]
    for train in (True, False):
        found, _ = net.apply(params, stats, IMAGES, train=train)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_weights_are_parted_from_their_normalisation_and_rejoined():
    _, params, _ = made("batch")
    rest, norms = parted(params)
    assert [set(block) for block in norms.values()] == [{"scale", "bias"}] * 4
    assert {name for block in rest["blocks"].values() for name in block} == {"kernel"}
    jax.tree.map(np.testing.assert_array_equal, rejoined(rest, norms), params)


@pytest.mark.parametrize("norm", ["batch", "support"])
def test_the_form_for_queries_on_a_cpu_computes_the_same(norm):
    net, params, stats = made(norm)
    _, stats = net.apply(params, stats, IMAGES[:3], train=True)

    def logits(own):
        with use_native(own):
            apply = jax.jit(lambda images: net.apply.__wrapped__(params, stats, images)[0])
            return apply(IMAGES[3:])

    np.testing.assert_allclose(logits(False), logits(True), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("norm", ["batch", "support", "layer", "none"])
def test_whose_statistics_a_query_is_normalised_by(norm):
    net, params, stats = made(norm)
    _, stats = net.apply(params, stats, IMAGES[:3], train=True)
    together, after = net.apply(params, stats, IMAGES[3:])
    alone, _ = net.apply(params, stats, IMAGES[3:4])
    depends = np.abs(together[:1] - alone).max() > 1e-3
    assert depends == (norm == "batch")
    jax.tree.map(np.testing.assert_array_equal, after, stats)  # queries leave no trace
    if norm == "support":
        same, _ = net.apply(params, stats, IMAGES[:3], train=True)
        kept, _ = net.apply(params, stats, IMAGES[:3])
        np.testing.assert_allclose(kept, same, rtol=1e-5, atol=1e-6)


def test_group_normalisation_is_by_the_statistics_of_each_image():
    """A block by XLA's own operations; alone and among other images the logits are the same."""
    net = functional(lambda rngs: Classifier(SHAPE, 16, "group", rngs))
    params, stats = net.init(jax.random.key(1))
    x = IMAGES / 255.0
    for number in range(4):
        kernel, form = params["blocks"][number]["kernel"], ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=form)
        n, h, w, c = x.shape
        grouped = x.reshape(n, h, w, 8, c // 8)
        mean = grouped.mean((1, 2, 4), keepdims=True)
        var = grouped.var((1, 2, 4), keepdims=True)
        x = jax.nn.relu(((grouped - mean) / jnp.sqrt(var + 1e-5)).reshape(x.shape))
        x = x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
    head = params["head"]
    expected = x.reshape(6, -1) @ head["kernel"] + head["bias"][None]
    for train in (True, False):
        found, _ = net.apply(params, stats, IMAGES, train=train)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    alone, _ = net.apply(params, stats, IMAGES[:1])
    np.testing.assert_allclose(alone[0], expected[0], rtol=1e-3, atol=1e-4)


def test_groups_need_a_width_that_they_divide():
    with pytest.raises(UserError, match="a multiple of 8 where `norm` is `group`"):
        functional(lambda rngs: Classifier(SHAPE, 12, "group", rngs))
