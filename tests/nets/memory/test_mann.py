"""MANN and NTM: where they start, whom a head writes to, and how sharply they read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.nets.memory import addressing
from metabench.nets.memory.mann import Rule, Sizes, mann, ntm

pytestmark = pytest.mark.slow

SMALL = Sizes(inputs=3, controller=4, rows=6, width=3, heads=2)
READING = {
    "mann": (lambda strength: mann(SMALL, Rule(writes="vector", strength=strength)), 2 * 3, 1),
    "ntm": (lambda strength: ntm(SMALL, strength), 3 * 3 + 3, 3),
}


def stepped(cell, store=None):
    """The carry after one step with random parameters, and what the controller emitted."""
    params = cell.init(jax.random.key(0))
    carry = cell.start(1)
    if store is not None:
        carry = carry._replace(store=jax.tree.map(lambda leaf: leaf[None], store))
    offsets = {name: bias[None] for name, bias in params.biases.items()}
    offsets["gates"] = offsets["gates"] + jnp.ones((1, 3)) @ params.inputs
    carry, _, used = cell.step(params.maps, params.rest, carry, offsets)
    return carry, (used["interface"] @ params.maps["interface"])[0]


def test_without_strength_no_row_of_128_stands_out():
    memory = jnp.eye(128)
    sharpest = addressing.by_content(memory[:1], memory).max()
    np.testing.assert_allclose(sharpest, np.e / (np.e + 127), rtol=1e-4)
    assert sharpest < 0.0211
    strong = addressing.by_content(memory[:1], memory, jnp.float32([10]))
    assert strong.max() > 0.99


@pytest.mark.parametrize("strength", [False, True])
@pytest.mark.parametrize("name", READING)
def test_both_read_by_content_with_a_learned_strength_or_without(name, strength):
    make, _, _ = READING[name]
    carry, emitted = stepped(make(strength))
    # MANN emits all keys, all vectors, all gates; the NTM a key, …, numbers for each head.
    if name == "mann":
        key, numbers = emitted[:6].reshape(2, 3), emitted[12:]
        strengths = numbers[2:]
        assert len(numbers) == 2 * (1 + strength)
    else:
        heads = emitted.reshape(2, -1)
        key, strengths = heads[:, :3], heads[:, 15:]
        assert heads.shape[1] == 3 * 3 + 3 + 3 + strength
    given = jax.nn.softplus(strengths).reshape(2) if strength else None
    expected = addressing.by_content(jnp.tanh(key), carry.store.memory[0], given)
    np.testing.assert_allclose(carry.store.read[0], expected, rtol=1e-5)


@pytest.mark.parametrize("make", [mann, ntm])
def test_reads_and_usage_start_at_the_first_row_or_nowhere(make):
    first = np.eye(6)[0]
    store = make(SMALL).start(3).store
    np.testing.assert_array_equal(store.read, np.broadcast_to(first, (3, 2, 6)))
    np.testing.assert_array_equal(store.usage, np.broadcast_to(first, store.usage.shape))
    nowhere = make(SMALL._replace(start="nowhere")).start(3).store
    assert not nowhere.read.any()
    assert not nowhere.usage.any()


@pytest.mark.parametrize("targets", ["every", "own"])
def test_a_head_writes_to_every_least_used_row_or_to_its_own(targets):
    store = mann(SMALL).start(1).store
    store = jax.tree.map(lambda leaf: leaf[0], store)
    usage = jnp.float32([5, 1, 0.5, 3, 4, 2])  # rows 2, then 1 were used least
    cell = mann(SMALL, Rule(decay=0.0, targets=targets))
    carry, emitted = stepped(cell, store._replace(read=jnp.zeros((2, 6)), usage=usage))
    read = np.asarray(carry.store.read[0]).sum(0)
    written = np.asarray(carry.store.usage[0]) - read  # over both heads
    shares = 1 - np.asarray(jax.nn.sigmoid(emitted[6:]))  # of the gates, α
    expected = np.zeros(6)
    expected[[2, 1]] = shares if targets == "own" else shares.sum()
    np.testing.assert_allclose(written, expected, atol=1e-5)
