"""The meta-optimizer by hand: Adam's first steps, the decay, the warm-up, the clip."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.contracts.options import with_options
from metabench.errors import UserError
from metabench.learners.common.optimizer import Adam, ClippedAdam, WarmAdam, adam, descended
from metabench.types import PyTree


class Trained(NamedTuple):
    params: PyTree
    optimizer: PyTree
    step: int


def steps(optimizer, gradients):
    """Parameters, starting from zero, after each of `gradients`."""
    params = jnp.zeros_like(gradients[0])
    state, found = optimizer.init(params), []
    for gradient in gradients:
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        found.append(np.asarray(params))
    return np.stack(found)


def test_with_a_constant_gradient_adam_moves_by_its_rate():
    found = steps(adam(Adam(0.1, "constant", 4)), [jnp.asarray([3.0, -0.01])] * 4)
    np.testing.assert_allclose(found, np.outer([-0.1, -0.2, -0.3, -0.4], [1, -1]), rtol=1e-4)


def test_cosine_ends_at_zero():
    found = steps(adam(Adam(0.1, "cosine", 4)), [jnp.asarray([1.0])] * 6)[:, 0]
    rates = 0.05 * (1 + np.cos(np.pi * np.array([0, 1, 2, 3, 4, 4]) / 4))
    np.testing.assert_allclose(found, -np.cumsum(rates), rtol=1e-4)


def test_the_rate_rises_before_it_falls():
    optimizer = adam(WarmAdam(0.1, "cosine", steps=6, warmup=2))
    found = steps(optimizer, [jnp.asarray([1.0])] * 6)[:, 0]
    falling = 0.05 * (1 + np.cos(np.pi * np.arange(4) / 4))
    np.testing.assert_allclose(found, -np.cumsum([0.0, 0.05, *falling]), rtol=1e-4)


def test_clip_bounds_the_global_norm():
    """Adam forgets scale, so that only a change of scale shows."""
    gradients = [jnp.asarray([3.0, 4.0]), jnp.asarray([0.3, 0.4])]
    clipped = steps(adam(ClippedAdam(0.1, "constant", 2, clip=1.0)), gradients)
    by_hand = steps(adam(Adam(0.1, "constant", 2)), [gradients[0] / 5, gradients[1]])
    np.testing.assert_allclose(clipped, by_hand, rtol=1e-6)
    assert not np.allclose(clipped, steps(adam(Adam(0.1, "constant", 2)), gradients))


def test_a_state_descends_and_its_other_fields_are_as_told():
    optimizer = adam(Adam(0.1, "constant"), momentum=0.5)
    params, gradients = jnp.zeros(1), [jnp.asarray([1.0]), jnp.asarray([-3.0])]
    state = Trained(params, optimizer.init(params), 0)
    for gradient in gradients:
        state = descended(optimizer, state, gradient, step=state.step + 1)
    np.testing.assert_array_equal(state.params, steps(optimizer, gradients)[-1])
    assert state.step == 2


@with_options
def factory(shape, *, optimizer: WarmAdam = WarmAdam()):
    return adam(optimizer)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"learning_rate": 0.0}, "`learning_rate` is 0.0; it must be positive"),
        ({"learning_rate": float("nan")}, "`learning_rate` is nan"),
        ({"decay": "linear"}, "`decay` is 'linear'; it must be one of: cosine, constant"),
        ({"steps": 0}, "`steps` is 0; it must be at least 1"),
        ({"clip": 0.0}, "`clip` is 0.0; it must be positive"),
        ({"warmup": -1}, "`warmup` is -1; it must be at least 0"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        factory(None, **options)
