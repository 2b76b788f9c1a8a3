"""Outer gradients through inner steps: analytic, by finite differences, and without them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.learners.common.inner_loop import descent, inner_loop

CURVATURE = jnp.asarray([[2.0, 0.5], [0.5, 1.0]])
CENTRE = jnp.asarray([1.0, -2.0])
TARGET = jnp.asarray([0.5, 3.0])
BEGIN = jnp.asarray([-1.0, 0.7])
RATE, STEPS = 0.1, 3


def quadratic(point, step):
    del step
    offset = point - CENTRE
    return 0.5 * offset @ CURVATURE @ offset


def outer(begin, **options):
    """Squared distance from `TARGET` after the inner loop: what a query loss is."""
    found = inner_loop(quadratic, begin, optax.sgd(RATE), jnp.arange(STEPS), **options)
    return 0.5 * jnp.square(found.params - TARGET).sum()


def test_steps_on_a_quadratic_are_those_of_its_closed_form():
    found = inner_loop(quadratic, BEGIN, optax.sgd(RATE), jnp.arange(STEPS))
    shrink = np.linalg.matrix_power(np.eye(2) - RATE * CURVATURE, STEPS)
    np.testing.assert_allclose(found.params, CENTRE + shrink @ (BEGIN - CENTRE), rtol=1e-5)
    assert found.losses.shape == (STEPS,)
    np.testing.assert_allclose(found.losses[0], quadratic(BEGIN, 0), rtol=1e-6)
    assert found.losses[2] < found.losses[1] < found.losses[0]


OPTIONS = [{}, {"rematerialise": True}, {"unroll": True}]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_meta_gradient_of_a_quadratic_is_analytic(options):
    shrink = np.linalg.matrix_power(np.eye(2) - RATE * CURVATURE, STEPS)
    residual = CENTRE + shrink @ (BEGIN - CENTRE) - TARGET
    second = jax.grad(lambda begin: outer(begin, **options))(BEGIN)
    np.testing.assert_allclose(second, shrink.T @ residual, rtol=1e-5)
    first = jax.grad(lambda b: outer(b, first_order=True, **options))(BEGIN)
    np.testing.assert_allclose(first, residual, rtol=1e-5)  # as if the steps were constants
    assert np.abs(first - second).max() > 0.1


def test_learned_rates_have_the_gradient_that_is_worked_by_hand():
    """p1 = p0 - a0 g(p0); p2 = p1 - a1 g(p1); L = |p2 - target|² / 2."""

    def after(rates):
        return inner_loop(quadratic, BEGIN, descent(rates), jnp.arange(2)).params

    rates = jnp.asarray([0.1, 0.3])
    gradient = jax.grad(lambda r: 0.5 * jnp.square(after(r) - TARGET).sum())(rates)
    g0 = CURVATURE @ (BEGIN - CENTRE)
    p1 = BEGIN - rates[0] * g0
    g1 = CURVATURE @ (p1 - CENTRE)
    p2 = p1 - rates[1] * g1
    by_hand = [-(p2 - TARGET) @ (jnp.eye(2) - rates[1] * CURVATURE) @ g0, -(p2 - TARGET) @ g1]
    np.testing.assert_allclose(after(rates), p2, rtol=1e-5)
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-5)


def test_further_steps_use_the_last_rate():
    rates = jnp.asarray([0.1, 0.3])
    longer = inner_loop(quadratic, BEGIN, descent(rates), jnp.arange(4)).params
    spelled = descent(jnp.asarray([0.1, 0.3, 0.3, 0.3]))
    expected = inner_loop(quadratic, BEGIN, spelled, jnp.arange(4)).params
    np.testing.assert_array_equal(longer, expected)


def test_each_step_has_its_own_input_and_the_optimizer_is_told_the_loss():
    told = optax.GradientTransformationExtraArgs(
        lambda params: jnp.zeros(()),
        lambda gradient, state, params=None, *, value, **extra: (-gradient, state + value),
    )
    found = inner_loop(lambda p, x: p * x, jnp.float32(1.0), told, jnp.asarray([1.0, 2.0]))
    assert found.params == 1 - 1 - 2
    np.testing.assert_array_equal(found.losses, [1.0, 0.0])  # 1 · 1, then 0 · 2
    assert found.optimizer == 1.0
    again = inner_loop(
        lambda p, x: p * x, found.params, told, jnp.asarray([1.0]), state=found.optimizer
    )
    assert again.optimizer == 1.0 - 2.0
