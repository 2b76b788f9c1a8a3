"""The coordinatewise LSTM: a hand-worked update, users' own pytrees, kinds of parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.learned_optimizers.lstm.coordinatewise import (
    Layer,
    Weights,
    coordinatewise,
    first_weights,
)
from metabench.learned_optimizers.lstm.kinds import by_name
from tests.learned_optimizers import lstm_by_hand as by_hand

pytestmark = pytest.mark.slow


def some_weights(units=3, layers=2, seed=0, p=10.0):
    """Far from the first ones, so that every part matters."""
    random = np.random.default_rng(seed)
    first = first_weights(jax.random.key(0), units, layers, p)
    return jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape), leaf.dtype), first)


def test_one_unit_one_layer_worked_out():
    """Kernel rows 1, 2, 3, 4 of the logarithm alone; a gradient of e^-5 is read as (-0.5, 1)."""
    kernel = jnp.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [3.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    weights = Weights((Layer(kernel, jnp.zeros(4)),), jnp.array([2.0]), jnp.array(0.5))
    optimizer = coordinatewise(weights, scale=0.1)
    update, _ = optimizer.update(jnp.array([np.exp(-5.0)]), optimizer.init(jnp.zeros(1)))
    # i = σ(-0.5) = 0.37754, g = tanh(-1.5) = -0.90515, c = -0.34173, o = σ(-2) = 0.11920,
    # h = 0.11920 · tanh(-0.34173) = -0.03923, update = 0.1 · (2 · -0.03923 + 0.5) = 0.04215
    np.testing.assert_allclose(update, [0.04215], atol=1e-5)


def test_without_preprocessing_the_gradient_itself_is_read():
    """The kernel reads one number: rows 1, 2, 3, 4 of it; a gradient of -0.5."""
    kernel = jnp.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0]])
    weights = Weights((Layer(kernel, jnp.zeros(4)),), jnp.array([2.0]), jnp.array(0.5))
    optimizer = coordinatewise(weights, scale=1.0, p=None)
    update, _ = optimizer.update(jnp.array([-0.5]), optimizer.init(jnp.zeros(1)))
    # As above, with an update ten times as large.
    np.testing.assert_allclose(update, [0.4215], atol=1e-4)
    assert first_weights(jax.random.key(0), 3, 2, None).layers[0].kernel.shape == (12, 4)


def test_steps_of_two_layers_by_hand():
    weights = some_weights()
    mine = by_hand.plain(weights)
    optimizer = coordinatewise(weights, scale=0.3)
    theta = jnp.array([0.7, -2.0])
    state, states = optimizer.init(theta), [by_hand.start(mine) for _ in theta]
    for gradient in ([0.3, -1e-6], [-4.0, 0.0], [2e-5, 7.0]):
        updates, state = optimizer.update(jnp.array(gradient), state)
        for n, one in enumerate(gradient):
            said, states[n] = by_hand.step(mine, states[n], one)
            np.testing.assert_allclose(updates[n], 0.3 * said, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_any_pytree_is_updated_leaf_by_leaf(compiled):
    weights = some_weights()
    optimizer = coordinatewise(weights)
    random = np.random.default_rng(1)
    params = {"a": (jnp.ones((2, 3)), [jnp.zeros(4)]), "scalar": jnp.array(1.5), "none": None}
    update = jax.jit(optimizer.update) if compiled else optimizer.update
    state, apart = optimizer.init(params), {}
    for _ in range(3):
        gradients = jax.tree.map(lambda x: jnp.asarray(random.normal(size=x.shape)), params)
        updates, state = update(gradients, state)
        moved = optax.apply_updates(params, updates)
        assert jax.tree.structure(moved) == jax.tree.structure(params)
        for place, (leaf, found) in enumerate(
            zip(jax.tree.leaves(gradients), jax.tree.leaves(updates), strict=True)
        ):
            before = apart.get(place, optimizer.init(leaf))
            expected, apart[place] = optimizer.update(leaf, before)
            assert found.shape == leaf.shape
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_updates_have_the_type_of_their_parameters():
    optimizer = coordinatewise(some_weights())
    params = {"half": jnp.ones(3, jnp.bfloat16), "full": jnp.ones(2)}
    updates, _ = optimizer.update(params, optimizer.init(params))
    assert updates["half"].dtype == jnp.bfloat16
    assert updates["full"].dtype == jnp.float32


def test_it_chains_with_other_transformations():
    optimizer = optax.chain(optax.clip(0.5), coordinatewise(some_weights()))
    params = jnp.array([3.0, 0.2])
    updates, _ = optimizer.update(params, optimizer.init(params))
    alone = coordinatewise(some_weights())
    expected, _ = alone.update(jnp.array([0.5, 0.2]), alone.init(params))
    np.testing.assert_array_equal(updates, expected)


def test_kinds_have_weights_and_states_of_their_own():
    weights = {"conv": some_weights(seed=1), "dense": some_weights(seed=2)}
    optimizer = coordinatewise(weights, kind_of=by_name)
    params = {"dense": jnp.ones(4), "block": {"Conv_0": jnp.ones((2, 2)), "bias": jnp.ones(2)}}
    gradients = jax.tree.map(lambda x: 0.1 + jnp.arange(float(x.size)).reshape(x.shape), params)
    state = optimizer.init(params)
    for _ in range(2):
        updates, state = optimizer.update(gradients, state)
    for found, gradient, kind in (
        (updates["dense"], gradients["dense"], "dense"),
        (updates["block"]["bias"], gradients["block"]["bias"], "dense"),
        (updates["block"]["Conv_0"], gradients["block"]["Conv_0"], "conv"),
    ):
        alone = coordinatewise(weights[kind])
        own = alone.init(gradient)
        for _ in range(2):
            expected, own = alone.update(gradient, own)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_first_updates_are_small():
    weights = first_weights(jax.random.key(3))
    optimizer = coordinatewise(weights)
    params = jax.random.normal(jax.random.key(4), (1000,))
    updates, _ = optimizer.update(params, optimizer.init(params))
    assert 0 < jnp.abs(updates).max() < 0.05
