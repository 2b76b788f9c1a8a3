"""A few images at a time: the same answers, and only where one core works alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.compute import in_cache
from metabench.compute.in_cache import few_at_once, on_one_core
from metabench.compute.native import use_native
from metabench.nets.conv4 import Conv4

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def on_a_cpu():
    with use_native(False):
        yield


@pytest.fixture
def three(monkeypatch):
    """Room for three images of 100 bytes."""
    monkeypatch.setattr(in_cache, "CACHE_BYTES", 399)


def sizes(count, image_bytes=100):
    """The result for images 0, 1, …, and how many the function saw at once."""
    seen = []

    def function(images):
        seen.append(len(images))
        return 2 * images[:, 0] + 1

    found = few_at_once(function, jnp.arange(2.0 * count).reshape(count, 2), image_bytes)
    assert found.tolist() == [4 * i + 1 for i in range(count)]
    return set(seen)


@pytest.mark.parametrize(
    ("count", "group"), [(1, 1), (3, 3), (4, 2), (6, 3), (7, 3), (8, 3), (10, 3), (75, 3)]
)
def test_groups_are_even_and_nothing_is_lost(three, count, group):
    with on_one_core():
        assert sizes(count) == {group}


def test_an_image_that_does_not_fit_is_taken_by_itself(three):
    with on_one_core():
        assert sizes(4, image_bytes=1000) == {1}


def test_all_at_once_where_the_cores_share_the_work(three):
    assert sizes(7) == {7}
    with on_one_core():
        pass
    assert sizes(7) == {7}


def test_all_at_once_on_an_accelerator(three):
    with on_one_core(), use_native(True):
        assert sizes(7) == {7}


@pytest.mark.parametrize("norm", ["running", "group", "layer", "none"])
def test_conv4_gives_the_same(norm, monkeypatch):
    net = Conv4(1, width=8, norm=norm, rngs=nnx.Rngs(0))
    x = jax.random.uniform(jax.random.key(0), (7, 16, 16, 1))
    together = net(x)
    monkeypatch.setattr(in_cache, "CACHE_BYTES", 4 * 16 * 16 * 8 * 3)
    with on_one_core():
        np.testing.assert_allclose(jax.jit(net)(x), together, rtol=1e-5, atol=1e-6)
        assert "while" in str(jax.make_jaxpr(net)(x)) or "scan" in str(jax.make_jaxpr(net)(x))


@pytest.mark.parametrize(("norm", "train"), [("batch", False), ("running", True)])
def test_statistics_of_a_batch_are_of_all_its_images(norm, train, monkeypatch):
    net = Conv4(1, width=8, norm=norm, rngs=nnx.Rngs(0))
    x = jax.random.uniform(jax.random.key(0), (7, 16, 16, 1))
    together = net(x, train=train)
    monkeypatch.setattr(in_cache, "CACHE_BYTES", 1)
    with on_one_core():
        np.testing.assert_array_equal(net(x, train=train), together)
