"""Floating-point operations, counted by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.learner import Training
from metabench.training.flops import operations
from tests.training.made_up import PLAN, linear, train

X, W = jnp.ones((2, 3)), jnp.ones((3, 5))
IMAGES, KERNEL = jnp.ones((2, 8, 8, 3)), jnp.ones((3, 3, 3, 7))


def count(function, *arguments):
    return operations(jax.jit(function).trace(*arguments).jaxpr.jaxpr)


def convolution(x, w):
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, w, (2, 2), "SAME", dimension_numbers=layout)


def repeated(x, times):
    return jax.lax.scan(lambda x, _: (x @ jnp.ones((3, 3)), None), x, None, length=times)[0]


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        (lambda x, w: x @ w, (X, W), 2 * 2 * 5 * 3),
        (lambda x: x @ x.mT, (jnp.ones((4, 2, 3)),), 4 * 2 * 2 * 2 * 3),  # four pairs
        (convolution, (IMAGES, KERNEL), 2 * (2 * 4 * 4 * 7) * (3 * 3 * 3)),
        (lambda x: jnp.exp(x) * 2, (X,), 2 * 6),
        (lambda x: x.sum(), (X,), 6),
        (lambda x: x.reshape(3, 2).T, (X,), 0),
        (lambda x: x + 1, (jnp.arange(4),), 0),  # whole numbers
        (lambda x: repeated(x, 10), (X,), 10 * 2 * 2 * 3 * 3),
        (lambda x: jax.lax.cond(x[0, 0] > 0, jnp.exp, lambda x: x, X), (X,), 6),
        (lambda x: jnp.zeros(9).at[jnp.array([1, 2])].add(x), (jnp.ones(2),), 2),
        (lambda x: jax.jit(jax.nn.relu)(x), (X,), 6),
    ],
)
def test_by_hand(function, arguments, expected):
    assert count(function, *arguments) == expected


def test_what_runs_an_unknown_number_of_times_or_elsewhere_is_not_counted():
    def loop(x):
        return jax.lax.while_loop(lambda x: x.sum() < 9, lambda x: x + 1, x)

    def outside(x):
        return jax.pure_callback(np.exp, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    assert count(loop, X) is None
    assert count(lambda x: outside(x) + 1, X) is None


def test_a_training_counts_its_steps_and_traces_them_only_once():
    learner, traced = linear(), []
    step = learner.training.step

    def counted(*arguments):
        traced.append(1)
        return step(*arguments)

    found = train(learner._replace(training=Training(counted)))
    assert len(traced) == 1  # 24 steps are eight chunks of three
    # Forward: 3 supports and 6 queries of 16 pixels to 5 features, of 2 episodes; backward: the
    # weights' gradient costs as much again. Elementwise operations are a few more.
    products = 2 * 2 * 2 * (9 * 16 * 5)
    assert products < found.flops / PLAN.steps < 1.6 * products
