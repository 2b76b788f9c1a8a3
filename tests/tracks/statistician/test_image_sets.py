"""Sets of images: one class each, the most telling member, samples like the set."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.sets.neural_statistician import network_of
from metabench.nets.statistician.model import Sizes
from metabench.seeds import root_key
from metabench.tracks.statistician import image_sets as work
from metabench.types import ClassTable

pytestmark = pytest.mark.slow

SIZES = Sizes(context=4, latent=2, layers=1, hidden=8)


@pytest.fixture(scope="module")
def table():
    """Six classes of 7 images that hold the class's number everywhere."""
    images = jnp.repeat(jnp.arange(6, dtype=jnp.uint8) * 40, 7)[:, None, None, None]
    members = jnp.arange(42, dtype=jnp.int32).reshape(6, 7)
    counts = jnp.full(6, 7, jnp.int32)
    return ClassTable(
        jnp.broadcast_to(images, (42, 8, 8, 1)), members, counts, jnp.arange(6, dtype=jnp.int32)
    )


def test_each_set_is_of_one_class_and_no_class_comes_twice(table):
    sets = np.asarray(work.draw_sets(table, 4, 5, 0))
    assert sets.shape == (4, 5, 8, 8, 1)
    assert all(len(np.unique(one)) == 1 for one in sets)
    assert len({int(one.max()) for one in sets}) == 4


def test_impossible_sets_are_refused(table):
    for numbers in ((7, 5), (4, 7), (0, 5), (4, 0)):
        with pytest.raises(UserError):
            work.draw_sets(table, *numbers, 0)


def test_measures_of_an_untrained_model(table):
    net = network_of((8, 8, 1), "small", 4, SIZES)
    params, stats = jax.jit(net.init)(root_key(0))
    noise = jax.random.randint(jax.random.key(1), (2, 3, 8, 8, 1), 0, 256).astype(jnp.uint8)
    found = work.measure(net, params, stats, noise, 3, 0)
    assert found.samples.shape == (2, 3, 8, 8, 1)
    assert (found.samples > 0).all()
    assert (found.samples < 1).all()
    np.testing.assert_array_equal(np.sort(found.chosen, axis=1), [[0, 1, 2]] * 2)
    np.testing.assert_allclose(found.divergence[:, 2], 0.0, atol=1e-4)  # all are taken
    assert (found.divergence[:, 0] <= found.others + 1e-6).all()


@pytest.mark.parametrize("size", [-1, 0, 4])
def test_more_members_than_a_set_has_cannot_be_taken(size):
    images = jnp.zeros((2, 3, 8, 8, 1), jnp.uint8)
    with pytest.raises(UserError, match=f"`size` is {size}; it must be from 1 to `members`, 3"):
        work.measure(None, None, None, images, size, 0)
