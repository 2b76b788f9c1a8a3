"""Unrolling: gradients against finite differences and against autodiff, segments, continuation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from metabench.nets.memory.fast_weights import FastSizes, fast_weights
from metabench.nets.memory.lstm import lstm
from metabench.nets.memory.mann import EMPTY, Rule, Sizes, mann, ntm
from metabench.nets.memory.unroll import unroll

pytestmark = pytest.mark.slow

SMALL = Sizes(inputs=3, controller=4, rows=6, width=3, heads=2)
CELLS = {
    "lstm": lstm(3, 4),
    "mann": mann(SMALL),
    "mann-vector": mann(SMALL, Rule(writes="vector", targets="own", strength=True)),
    "mann-feedforward": mann(SMALL._replace(kind="feedforward")),
    "ntm": ntm(SMALL),
    "fast-matrix": fast_weights(FastSizes(3, 4, settle=2)),
    "fast-attention": fast_weights(
        FastSizes(3, 4, settle=2, norms="separate"), "attention", steps=7
    ),
}
STEPS, BATCH = 5, 2
XS = jax.random.normal(jax.random.key(1), (STEPS, BATCH, 3))
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def loss(cell, params, xs=XS, segment=None):
    outputs = unroll(cell, params, cell.start(xs.shape[1]), xs, segment)[1]
    weights = jax.random.normal(jax.random.key(2), outputs.shape)
    return (weights * outputs).sum()


def plainly(cell, params, xs):
    """The loop as Python writes it, nothing hoisted: what autodiff differentiates step by step."""
    carry, found = cell.start(xs.shape[1]), []
    for x in xs:
        offsets = {name: bias[None] for name, bias in params.biases.items()}
        offsets["gates"] = offsets["gates"] + x @ params.inputs
        carry, output, _ = cell.step(params.maps, params.rest, carry, offsets)
        found.append(output)
    return jnp.stack(found)


@every_cell
def test_gradients_are_those_of_finite_differences(cell):
    with jax.enable_x64():
        params = jax.tree.map(lambda a: a.astype(jnp.float64), cell.init(jax.random.key(0)))
        xs = XS.astype(jnp.float64)
        check_grads(
            jax.jit(lambda p, x: loss(cell, p, x)),
            (params, xs),
            1,
            ["rev"],
            atol=1e-4,
            rtol=1e-4,
            eps=1e-6,
        )


@pytest.mark.slow  # compiles each cell several times
@every_cell
def test_gathered_gradients_are_those_of_autodiff(cell):
    params = cell.init(jax.random.key(0))
    weights = jax.random.normal(jax.random.key(2), (STEPS, BATCH, cell.outputs))
    expected = jax.jit(jax.grad(lambda p: (weights * plainly(cell, p, XS)).sum()))(params)
    found = jax.jit(jax.grad(lambda p: loss(cell, p)))(params)
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        assert np.abs(other).max() > 0
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5 * np.abs(other).max())


@pytest.mark.slow  # compiles each cell several times
@every_cell
def test_segments_change_no_value_and_no_gradient(cell):
    params = cell.init(jax.random.key(0))
    whole = jax.jit(jax.value_and_grad(lambda p: loss(cell, p)))(params)
    parts = jax.jit(jax.value_and_grad(lambda p: loss(cell, p, segment=2)))(params)
    for one, other in zip(*map(jax.tree.leaves, (whole, parts)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_memory_is_linear_in_steps_and_segments_save_most_of_it():
    cell = mann(Sizes(inputs=3, controller=8))
    params, xs = jax.eval_shape(cell.init, jax.random.key(0)), jnp.zeros((400, 1, 3))

    def needed(segment, xs=xs):
        gradient = jax.jit(jax.grad(lambda p: loss(cell, p, xs, segment)))
        return gradient.lower(params).compile().memory_analysis().temp_size_in_bytes

    assert needed(20) < needed(None) / 3
    assert needed(None) == pytest.approx(2 * needed(None, xs[:200]), rel=0.3)


@every_cell
def test_a_sequence_can_be_taken_up_again(cell):
    params, carry = cell.init(jax.random.key(0)), cell.start(BATCH)
    _, whole = unroll(cell, params, carry, XS)
    carry, early = unroll(cell, params, carry, XS[:3])
    _, late = unroll(cell, params, carry, XS[3:])
    np.testing.assert_allclose(jnp.concatenate([early, late]), whole, rtol=1e-4, atol=1e-5)


@every_cell
def test_sequences_of_a_batch_do_not_meet(cell):
    params = cell.init(jax.random.key(0))
    _, together = unroll(cell, params, cell.start(BATCH), XS)
    _, alone = unroll(cell, params, cell.start(1), XS[:, 1:])
    np.testing.assert_allclose(together[:, 1:], alone, rtol=1e-4, atol=1e-5)


def test_the_memory_is_empty_at_the_start_and_written_where_it_was_used_least():
    cell = mann(SMALL)
    params, carry = cell.init(jax.random.key(0)), cell.start(1)
    np.testing.assert_array_equal(carry.store.memory, np.full((1, 6, 3), EMPTY, np.float32))
    carry, _ = unroll(cell, params, carry, XS[:1, :1])
    written = np.abs(carry.store.memory[0]).max(1) > 1e-3
    # The first row was read "before the first step", so it is written too, and is the most used.
    np.testing.assert_array_equal(written, [True, True, True, False, False, False])
    usage = np.asarray(carry.store.usage[0])
    assert usage[0] > usage[1:3].max()
    assert usage[1:3].min() > usage[3:].max()
    carry, _ = unroll(cell, params, carry, XS[1:2, :1])
    assert (np.abs(carry.store.memory[0]).max(1) > 1e-3)[3:5].all()


@pytest.mark.parametrize("writes", ["key", "vector"])
def test_the_first_write_and_read_by_hand(writes):
    cell = mann(SMALL, Rule(writes=writes))
    params = cell.init(jax.random.key(0))
    carry, output, used = cell.step(
        params.maps,
        params.rest,
        cell.start(1),
        {"gates": XS[0, :1] @ params.inputs} | {"interface": params.biases["interface"][None]},
    )
    emitted = np.asarray(used["interface"][0] @ params.maps["interface"])
    key, added = np.tanh(emitted[:6]).reshape(2, 3), np.tanh(emitted[-8:-2]).reshape(2, 3)
    shares = 1 / (1 + np.exp(emitted[-2:]))  # of the least used rows; the first was read before
    memory = np.full((6, 3), EMPTY)
    memory[1] = 0
    memory[0] += (1 - shares) @ added
    memory[1:3] += shares @ added
    cosine = key @ memory.T / np.linalg.norm(key, axis=1)[:, None]
    cosine /= np.sqrt((memory**2).sum(1) + 1e-8)
    weights = np.exp(cosine) / np.exp(cosine).sum(1, keepdims=True)
    np.testing.assert_allclose(carry.store.memory[0], memory, atol=1e-6)
    np.testing.assert_allclose(carry.store.read[0], weights, atol=1e-5)
    np.testing.assert_allclose(output[0, 4:], (weights @ memory).ravel(), atol=1e-5)
    assert np.array_equal(key, added) == (writes == "key")
