"""The meta-learner LSTM's update: a hand-worked step, its gradient, and users' own pytrees."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.learners.gradient.gates import Cell, Weights, advance, first_weights, gated_descent

pytestmark = pytest.mark.slow

P = 10.0


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(w, state, gradient, theta, loss):
    """One coordinate, one hidden number, in plain arithmetic: new (h, c, f, i) and θ."""
    h, c, f, i = state
    inputs = [*two(gradient), *two(loss)]
    a = [sum(x * w.inputs[k, j] for k, x in enumerate(inputs)) for j in range(4)]
    a = [a[j] + h * w.recurrent[0, j] + w.bias[j] for j in range(4)]
    c = sigmoid(a[1]) * c + sigmoid(a[0]) * np.tanh(a[2])
    h = sigmoid(a[3]) * np.tanh(c)
    f = sigmoid(h * w.gates[0, 0] + theta * w.gates[1, 0] + f * w.gates[2, 0] + w.gate_bias[0])
    i = sigmoid(h * w.gates[0, 1] + theta * w.gates[1, 1] + i * w.gates[2, 1] + w.gate_bias[1])
    return (h, c, f, i), f * theta - i * gradient


def two(x):
    large = abs(x) >= np.exp(-P)
    return (np.log(abs(x)) / P, np.sign(x)) if large else (-1.0, np.exp(P) * x)


def some_weights(hidden, seed=0):
    random = np.random.default_rng(seed)
    first = first_weights(jax.random.key(0), hidden)
    return Weights(*(jnp.asarray(random.normal(size=leaf.shape), leaf.dtype) for leaf in first))


def test_two_steps_by_hand():
    weights = some_weights(1)
    optimizer = gated_descent(weights, P)
    theta = jnp.array([0.7])
    state, mine = optimizer.init(theta), (0.0, 0.0, 0.0, 0.0)
    plain = Weights(*(np.asarray(leaf, float) for leaf in weights))
    expected = 0.7
    for gradient, loss in ((0.3, 1.5), (-1e-6, 0.9)):
        mine, expected = by_hand(plain, mine, gradient, expected, loss)
        updates, state = optimizer.update(jnp.array([gradient]), state, theta, value=loss)
        theta = optax.apply_updates(theta, updates)
        np.testing.assert_allclose(theta, [expected], rtol=1e-4)
    found = [state.hidden[0, 0], state.cell[0, 0], *state.gates[:, 0]]
    np.testing.assert_allclose(found, mine, rtol=1e-4)


def test_coordinates_share_weights_and_nothing_else():
    weights = some_weights(3)
    state = Cell(jnp.ones((3, 2)), jnp.zeros((3, 2)), jnp.zeros((2, 2)))
    both = advance(weights, state, jnp.array([0.1, -2.0]), jnp.array([1.0, 0.5]), jnp.float32(1))
    for k, (gradient, theta) in enumerate(((0.1, 1.0), (-2.0, 0.5))):
        one = Cell(*(leaf[:, k : k + 1] for leaf in state))
        alone = advance(weights, one, jnp.array([gradient]), jnp.array([theta]), jnp.float32(1))
        for found, expected in zip(both, alone, strict=True):
            np.testing.assert_allclose(found[:, k : k + 1], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "least", "most"),
    [((), 0.005, 0.02), ((0.3,), 0.2, 0.42)],  # the paper's is sigmoid(-4.5) or so
)
def test_it_begins_as_descent(settings, least, most):
    optimizer = gated_descent(first_weights(jax.random.key(1), 20, *settings))
    theta = {"a": jnp.array([1.0, -1.0]), "b": jnp.zeros((2, 2))}
    gradient = jax.tree.map(jnp.ones_like, theta)
    updates, _ = optimizer.update(gradient, optimizer.init(theta), theta, value=1.0)
    np.testing.assert_allclose(updates["b"], np.full((2, 2), updates["b"][0, 0]))
    step = -float(updates["b"][0, 0])
    assert least < step < most
    assert 0.005 < -float(updates["a"][0]) - step < 0.04  # and a hundredth forgotten


def test_the_gradient_by_its_weights_is_that_of_finite_differences():
    with jax.enable_x64(True):
        weights = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), some_weights(3))
        gradients = jnp.asarray(np.random.default_rng(1).normal(size=(4, 5)))

        @jax.jit
        def after(weights):
            optimizer = gated_descent(weights)
            theta = jnp.linspace(-1.0, 1.0, 5)
            state = optimizer.init(theta)
            for step in range(4):
                updates, state = optimizer.update(gradients[step], state, theta, value=1.0 / 3)
                theta = optax.apply_updates(theta, updates)
            return jnp.square(theta - 2).sum()

        slopes = jax.jit(jax.grad(after))(weights)
        for name in Weights._fields:
            leaf = getattr(weights, name)
            direction = jnp.asarray(np.random.default_rng(2).normal(size=leaf.shape))

            def along(t, name=name, leaf=leaf, direction=direction):
                return after(weights._replace(**{name: leaf + t * direction}))

            expected = (along(1e-5) - along(-1e-5)) / 2e-5
            found = (getattr(slopes, name) * direction).sum()
            assert found == pytest.approx(float(expected), rel=1e-6, abs=1e-9)
