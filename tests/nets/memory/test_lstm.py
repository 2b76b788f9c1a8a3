"""The LSTM against a step worked out with numpy."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.memory.lstm import gate_bias, gate_matrix, lstm, lstm_step
from metabench.nets.memory.unroll import Params, unroll


def test_one_step_by_hand():
    # Input gate σ(0) = 1/2, forget gate σ(ln 3) = 3/4, output gate σ(0) = 1/2, candidate tanh(1).
    gates = jnp.float32([[0, np.log(3), 0, 1]])
    after = lstm_step(gates, jnp.float32([[2]]))
    cell = 0.75 * 2 + 0.5 * np.tanh(1)
    np.testing.assert_allclose(after.cell, [[cell]], rtol=1e-6)
    np.testing.assert_allclose(after.hidden, [[0.5 * np.tanh(cell)]], rtol=1e-6)


def test_a_sequence_by_numpy():
    rng = np.random.default_rng(0)
    entering, recurrent, bias = (
        rng.normal(size=(2, 12)),
        rng.normal(size=(3, 12)),
        rng.normal(size=12),
    )
    xs = rng.normal(size=(5, 1, 2))
    params = Params(
        jnp.float32(entering), {"gates": jnp.float32(recurrent)}, {"gates": jnp.float32(bias)}, ()
    )
    net = lstm(2, 3)
    _, found = unroll(net, params, net.start(1), jnp.float32(xs))
    hidden, cell, expected = np.zeros((1, 3)), np.zeros((1, 3)), []
    for x in xs:
        i, f, o, g = np.split(x @ entering + hidden @ recurrent + bias, 4, axis=1)
        cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        hidden = np.tanh(cell) / (1 + np.exp(-o))
        expected.append(hidden)
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-4, atol=1e-6)


def test_only_the_forget_gate_has_a_bias_at_the_start():
    np.testing.assert_array_equal(gate_bias(2), [0, 0, 1, 1, 0, 0, 0, 0])


def test_recurrent_matrices_are_orthogonal():
    for one in jnp.split(gate_matrix(jax.random.key(0), 4, 4), 4, axis=1):
        np.testing.assert_allclose(one.T @ one, np.eye(4), atol=1e-5)
