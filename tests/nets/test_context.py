"""Full-context embeddings against the paper's equations in numpy."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench.nets.context import QueryContext, SupportContext

FEATURES = 3


def array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(cell, x, hidden, memory):
    """One step of Hochreiter & Schmidhuber with forget gates, weights from a Flax cell."""
    kernels = [np.asarray(part.kernel[...]) for part in (cell.dense_i, cell.dense_h)]
    gates = x @ kernels[0] + hidden @ kernels[1] + np.asarray(cell.dense_h.bias[...])
    enter, forget, new, leave = np.split(gates, 4, axis=-1)
    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(new)
    return sigmoid(leave) * np.tanh(memory), memory


def outputs(cell, inputs):
    """Hidden states over `inputs`, from zeros."""
    hidden = memory = np.zeros(FEATURES)
    found = []
    for x in inputs:
        hidden, memory = lstm(cell, x, hidden, memory)
        found.append(hidden)
    return np.stack(found)


def test_supports_by_hand():
    """Appendix A.2: g(x_i, S) = →h_i + ←h_i + g'(x_i)."""
    context, support = SupportContext(FEATURES, nnx.Rngs(0)), array(4, FEATURES)
    forward = outputs(context.forward, support)
    backward = outputs(context.backward, support[::-1])[::-1]
    np.testing.assert_allclose(
        context(jnp.asarray(support)), forward + backward + support, atol=1e-5
    )


@pytest.mark.parametrize("start", ["query", "supports"])
@pytest.mark.parametrize("steps", [1, 3])
def test_queries_by_hand(steps, start):
    """Equations 3 to 6: h_k = ĥ_k + f'(x); r_k = Σ softmax(h_k·g(x_i)) g(x_i)."""
    context = QueryContext(FEATURES, steps, nnx.Rngs(0), start=start)
    query, support = array(2, FEATURES), array(4, FEATURES, seed=1)
    expected = []
    for own in query:
        hidden, memory = own if start == "query" else np.zeros(FEATURES), np.zeros(FEATURES)
        for step in range(steps):
            weight = np.exp(support @ hidden)
            read = weight / weight.sum() @ support
            if start == "supports" and step == 0:
                np.testing.assert_allclose(read, support.mean(0), rtol=1e-6)
            hidden, memory = lstm(context.cell, np.concatenate([own, read]), hidden, memory)
            hidden = hidden + own
        expected.append(hidden)
    found = context(jnp.asarray(query), jnp.asarray(support))
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)


def test_every_support_is_seen_in_the_light_of_every_other():
    context, support = SupportContext(FEATURES, nnx.Rngs(0)), jnp.asarray(array(4, FEATURES))
    for changed in range(4):
        moved = context(support.at[changed].add(1)) - context(support)
        assert (jnp.abs(moved).max(1) > 1e-4).all()


def test_queries_do_not_see_one_another():
    context = QueryContext(FEATURES, 2, nnx.Rngs(0))
    query, support = jnp.asarray(array(3, FEATURES)), jnp.asarray(array(4, FEATURES, seed=1))
    changed = context(query.at[1:].add(1), support)
    np.testing.assert_allclose(changed[0], context(query, support)[0], atol=1e-6)
    moved = context(query, support.at[2].add(1)) - context(query, support)
    assert (jnp.abs(moved).max(1) > 1e-4).all()
