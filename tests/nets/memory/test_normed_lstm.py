"""Batch-normalised recurrence: a step by hand, and statistics of each step for itself."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.memory import normed_lstm

XS = 2 + 3 * jax.random.normal(jax.random.key(1), (4, 16, 3))
PARAMS = normed_lstm.init(jax.random.key(0), 3, 5)


def test_gains_start_at_a_tenth():
    for gain in (PARAMS.input_gain, PARAMS.recurrent_gain, PARAMS.cell_gain):
        np.testing.assert_allclose(gain, 0.1, rtol=1e-6)


def test_statistics_are_those_of_each_step_and_of_both_shares():
    _, hidden, found = normed_lstm.run(PARAMS, XS)
    entering = np.asarray(XS @ PARAMS.inputs)
    np.testing.assert_allclose(found.inputs.mean, entering.mean(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.inputs.variance, entering.var(1), rtol=1e-4)
    recurrent = np.asarray(hidden[:-1] @ PARAMS.recurrent)
    np.testing.assert_allclose(found.recurrent.mean[1:], recurrent.mean(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.recurrent.variance[1:], recurrent.var(1), rtol=1e-3)
    np.testing.assert_array_equal(found.recurrent.variance[0], np.zeros(20))


def test_the_sequence_by_numpy():
    names = (
        "inputs",
        "recurrent",
        "bias",
        "input_gain",
        "recurrent_gain",
        "cell_gain",
        "cell_bias",
    )
    p = {name: np.asarray(getattr(PARAMS, name), np.float64) for name in names}
    hidden, cell, expected = np.zeros((16, 5)), np.zeros((16, 5)), []

    def unit(a):
        return (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5)

    for x in np.asarray(XS, np.float64):
        gates = unit(x @ p["inputs"]) * p["input_gain"] + p["bias"]
        gates = gates + unit(hidden @ p["recurrent"]) * p["recurrent_gain"]
        i, f, o, g = np.split(gates, 4, axis=1)
        cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        shown = unit(cell) * p["cell_gain"] + p["cell_bias"]
        hidden = np.tanh(shown) / (1 + np.exp(-o))
        expected.append(hidden)
    found = normed_lstm.run(PARAMS, XS)[1]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-3, atol=1e-5)


def test_given_statistics_make_sequences_independent():
    _, hidden, seen = normed_lstm.run(PARAMS, XS)
    _, again, _ = normed_lstm.run(PARAMS, XS, seen)
    np.testing.assert_allclose(again, hidden, rtol=1e-4, atol=1e-5)
    _, alone, _ = normed_lstm.run(PARAMS, XS[:, :1], seen)
    np.testing.assert_allclose(alone, hidden[:, :1], rtol=1e-4, atol=1e-5)


def test_beyond_the_last_step_its_statistics_serve():
    _, _, seen = normed_lstm.run(PARAMS, XS)
    short = jax.tree.map(lambda leaf: leaf[:2], seen)
    longer = jax.tree.map(lambda leaf: leaf[jnp.array([0, 1, 1, 1])], seen)
    _, one, _ = normed_lstm.run(PARAMS, XS, short)
    _, other, _ = normed_lstm.run(PARAMS, XS, longer)
    np.testing.assert_allclose(one, other, rtol=1e-5)
    state, _, _ = normed_lstm.run(PARAMS, XS[:1], short)
    _, rest, _ = normed_lstm.run(PARAMS, XS[1:], short, state, first=1)
    np.testing.assert_allclose(rest, one[1:], rtol=1e-4, atol=1e-5)


def test_statistics_of_the_test_are_means_over_batches():
    """And their variances are corrected, as 16 sequences tell too little of a population's."""
    found, seen = normed_lstm.first_statistics(4, 5), []
    for number in range(6):
        xs = XS + 0.3 * jax.random.normal(jax.random.key(number), XS.shape)
        seen.append(normed_lstm.run(PARAMS, xs)[2])
        found = normed_lstm.averaged(found, seen[-1], number, 16)
    for name in ("inputs", "recurrent", "cell"):
        means = np.mean([getattr(one, name).mean for one in seen], axis=0)
        variances = np.mean([getattr(one, name).variance for one in seen], axis=0)
        np.testing.assert_allclose(getattr(found, name).mean, means, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(
            getattr(found, name).variance, 16 / 15 * variances, rtol=1e-3, atol=1e-6
        )
