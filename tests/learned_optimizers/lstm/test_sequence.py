"""The written-out backward pass gives what automatic differentiation gives."""

import jax
import numpy as np
import pytest

from metabench.learned_optimizers.lstm.coordinatewise import advance
from metabench.learned_optimizers.lstm.sequence import weight_gradient
from metabench.nets.lstm_cell import Memory
from tests.learned_optimizers.lstm.test_coordinatewise import some_weights

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("layers", "size", "block", "p"),
    [(2, 5, 3, 10.0), (1, 4, 8, 10.0), (3, 6, 2, 10.0), (2, 5, 3, None)],
)
def test_gradient_is_that_of_autodiff(layers, size, block, p):
    weights = some_weights(units=4, layers=layers, p=p)
    keys = jax.random.split(jax.random.key(1), 3)
    gradients = jax.random.normal(keys[0], (7, size)) * 1e-2
    cotangents = jax.random.normal(keys[1], (7, size))
    drawn = jax.random.normal(keys[2], (2 * layers, 4, size))
    state = tuple(Memory(drawn[2 * n], drawn[2 * n + 1]) for n in range(layers))

    def total(weights):
        now, found = state, 0.0
        for gradient, cotangent in zip(gradients, cotangents, strict=True):
            output, now = advance(weights, now, gradient, p)
            found += (output * cotangent).sum()
        return found

    expected = jax.jit(jax.grad(total))(weights)
    found = jax.jit(weight_gradient, static_argnames=("block", "p"))(
        weights, state, gradients, cotangents, p, block=block
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5), found, expected
    )
