"""No setting of JAX moves a draw: tasks are drawn alike under any, and runs pin them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.seeds import pinned, root_key, task_words

SETTINGS = {
    "old order of words": lambda: jax.threefry_partitionable(False),
    "floats of 64 bits": lambda: jax.enable_x64(True),
    "another generator": lambda: jax.default_prng_impl("rbg"),
    "strict types": lambda: jax.numpy_dtype_promotion("strict"),
}
# made by `task_words(root_key(7), 3, 5)` under JAX 0.10.2's own settings
WORDS = [3172864493, 2106869916, 623671540]


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("compiled", [False, True])
def test_the_words_of_a_task_are_the_golden_ones(setting, compiled):
    draw = jax.jit(task_words, static_argnums=1) if compiled else task_words
    with setting():
        assert draw(root_key(7), 3, jnp.int32(5)).tolist() == WORDS


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_what_is_drawn_where_settings_are_pinned_is_the_same(setting):
    def draw():
        key, other = jax.random.split(root_key(3))
        return jax.random.normal(key, (4,)), jax.random.permutation(other, 6)

    usual = draw()
    with setting(), pinned():
        found = draw()
    for one, another in zip(usual, found, strict=True):
        assert one.dtype == another.dtype
        np.testing.assert_array_equal(one, another)
