"""The classifier that episodes adapt: it is Conv4's architecture, and whose statistics it uses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.compute.native import use_native
from metabench.nets.classifier import Classifier
from metabench.nets.conv4 import Conv4
from metabench.nets.functional import functional
from metabench.types import EpisodeShape

SHAPE = EpisodeShape(way=3, shot=1, query=1, image=(16, 16, 1))
IMAGES = jax.random.bits(jax.random.key(0), (6, 16, 16, 1), jnp.uint8)


def made(norm):
    net = functional(lambda rngs: Classifier(SHAPE, 4, norm, rngs))
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
