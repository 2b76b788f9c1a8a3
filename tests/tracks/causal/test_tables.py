"""Tabular models of two variables, against Bayes' rule and closed forms in plain numpy."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.tracks.causal.tables import (
    Pairs,
    adapt,
    descend,
    divergences,
    draw_pairs,
    factorised,
    joint_of,
    log_likelihood,
)

JOINT = np.array([[0.10, 0.25, 0.05], [0.02, 0.08, 0.20], [0.12, 0.08, 0.10]])


def soft(logits):
    """Softmax along the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def step_by_hand(marginal, conditional, first, second, rate):
    """Gradient descent on the mean loss: a softmax's gradient is p minus the empirical share."""
    n, count = len(marginal), len(first)
    for_marginal = soft(marginal) - np.bincount(first, minlength=n) / count
    for_rows = np.zeros_like(conditional)
    for one, other in zip(first, second, strict=True):
        for_rows[one] += (soft(conditional[one]) - np.eye(n)[other]) / count
    return marginal - rate * for_marginal, conditional - rate * for_rows


def test_both_models_fit_the_distribution_by_bayes():
    both = factorised(jnp.log(JOINT))
    np.testing.assert_allclose(soft(np.array(both.forward.marginal)), JOINT.sum(1), rtol=1e-5)
    given = JOINT / JOINT.sum(0)
    np.testing.assert_allclose(soft(np.array(both.backward.conditional)), given.T, rtol=1e-5)
    for found in joint_of(both):
        np.testing.assert_allclose(np.exp(found), JOINT, rtol=1e-5)
    forward, backward = log_likelihood(both, Pairs(jnp.array([0, 2]), jnp.array([1, 0])))
    np.testing.assert_allclose(forward, np.log([0.25, 0.12]), rtol=1e-5)
    np.testing.assert_allclose(backward, forward, rtol=1e-5)


def test_adaptation_is_the_closed_form_and_scores_before_each_step():
    first = np.array([[0, 0, 2, 1], [1, 1, 0, 2]])
    second = np.array([[1, 1, 0, 2], [0, 2, 2, 2]])
    both, rate = factorised(jnp.log(JOINT)), 0.7
    pairs = Pairs(jnp.asarray(first), jnp.asarray(second))
    found = descend(both, Pairs(pairs.cause[0], pairs.effect[0]), rate)
    sums = []
    for model, stepped, ones, others in (
        (both.forward, found.forward, first, second),
        (both.backward, found.backward, second, first),
    ):
        tables, total = tuple(np.array(one, np.float64) for one in model), 0.0
        for number in range(2):
            p = soft(tables[0])[ones[number]] * soft(tables[1])[ones[number], others[number]]
            total += np.log(p).sum()
            tables = step_by_hand(*tables, ones[number], others[number], rate)
            if number == 0:
                np.testing.assert_allclose(stepped.marginal, tables[0], rtol=1e-4, atol=1e-5)
                np.testing.assert_allclose(stepped.conditional, tables[1], rtol=1e-4, atol=1e-5)
        sums.append(total)
    np.testing.assert_allclose(adapt(both, pairs, rate), sums, rtol=1e-5)
    assert abs(sums[0] - sums[1]) > 0.01


def test_the_expected_gradient_is_sparse_in_the_true_direction_alone():
    """Proposition 1: a mechanism that did not change needs no step."""
    both = factorised(jnp.log(JOINT))
    transfer = np.array([0.7, 0.2, 0.1])[:, None] * JOINT / JOINT.sum(1, keepdims=True)
    cells = Pairs(*(jnp.asarray(one.reshape(-1)) for one in np.indices((3, 3))))

    def expected(both):
        mass = jnp.asarray(transfer.reshape(-1))
        forward, backward = log_likelihood(both, cells)
        return -(mass * (forward + backward)).sum()

    slopes = jax.grad(expected)(both)
    np.testing.assert_allclose(slopes.forward.conditional, 0, atol=1e-6)
    for changed in (slopes.forward.marginal, *slopes.backward):
        assert np.abs(changed).max() > 0.01


def test_divergences_are_those_of_plain_numbers():
    transfer = np.full((3, 3), 1 / 9)
    apart = (transfer * np.log(transfer / JOINT)).sum()
    found = divergences(jnp.log(transfer), factorised(jnp.log(JOINT)))
    np.testing.assert_allclose(found, [apart, apart], rtol=1e-4)


def test_examples_come_as_often_as_the_distribution_says():
    pairs = draw_pairs(jax.random.key(0), jnp.log(JOINT) + 3, (20000,))
    counts = np.zeros((3, 3))
    np.add.at(counts, (np.array(pairs.cause), np.array(pairs.effect)), 1)
    np.testing.assert_allclose(counts / 20000, JOINT, atol=0.012)


def test_exchanging_the_variables_exchanges_the_scores():
    pairs = Pairs(jnp.array([[0, 1], [2, 2]]), jnp.array([[1, 2], [0, 1]]))
    there = adapt(factorised(jnp.log(JOINT)), pairs, 0.5)
    back = adapt(factorised(jnp.log(JOINT.T)), Pairs(pairs.effect, pairs.cause), 0.5)
    np.testing.assert_allclose(there, back[::-1], rtol=1e-6)
