"""The meta-optimizer by hand: Adam's first steps, the decay, the clip."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.errors import UserError
from metabench.learners.common.optimizer import adam


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
    found = steps(adam(0.1, "constant", 4), [jnp.asarray([3.0, -0.01])] * 4)
    np.testing.assert_allclose(found, np.outer([-0.1, -0.2, -0.3, -0.4], [1, -1]), rtol=1e-4)


def test_cosine_ends_at_zero():
    found = steps(adam(0.1, "cosine", 4), [jnp.asarray([1.0])] * 6)[:, 0]
    rates = 0.05 * (1 + np.cos(np.pi * np.array([0, 1, 2, 3, 4, 4]) / 4))
    np.testing.assert_allclose(found, -np.cumsum(rates), rtol=1e-4)


def test_clip_bounds_the_global_norm():
    """Adam forgets scale, so that only a change of scale shows."""
    gradients = [jnp.asarray([3.0, 4.0]), jnp.asarray([0.3, 0.4])]
    clipped = steps(adam(0.1, "constant", 2, clip=1.0), gradients)
    by_hand = steps(adam(0.1, "constant", 2), [gradients[0] / 5, gradients[1]])
    np.testing.assert_allclose(clipped, by_hand, rtol=1e-6)
    assert not np.allclose(clipped, steps(adam(0.1, "constant", 2), gradients))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((0.0, "cosine", 5), "`learning_rate` is 0.0; it must be positive"),
        ((float("nan"), "cosine", 5), "`learning_rate` is nan"),
        ((0.1, "linear", 5), "`decay` is 'linear'; it must be one of: cosine, constant"),
        ((0.1, "cosine", 5, 0.0), "`clip` is 0.0; it must be positive"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        adam(*options)
