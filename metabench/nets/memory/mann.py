"""The memory-augmented network of Santoro et al. 2016 and its predecessor, the NTM.

A controller emits a key for each head. `mann` writes keys to the rows that were read last
or used least; `ntm` writes where Graves' addressing points. Both read by content. The papers
do not say the following; we do as both public codes of MANN do (tristandeleu/ntm-one-shot,
snowkylin/ntm): keys go through tanh; at the start the memory is `EMPTY` everywhere, and read
weights and usage are 1 at the first row and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from metabench.nets.memory import addressing
from metabench.nets.memory.lstm import (
    Hidden,
    empty,
    gate_bias,
    gate_matrix,
    lstm_step,
    scaled_matrix,
)
from metabench.nets.memory.unroll import Arrays, Cell, Params
from metabench.types import PyTree

EMPTY = 1e-6  # what the memory holds before the first write
Controller = Literal["lstm", "feedforward"]
Writes = Literal["key", "vector"]
"""What `mann` writes: the key that it reads with (the paper), or another vector (public code)."""
Start = Literal["first", "nowhere"]
"""Where read weights and usage are at the start: at the first row, or zero everywhere."""
Targets = Literal["every", "own"]
"""Which of the least used rows a head writes to: every one of them, or the i-th for head i."""


class Sizes(NamedTuple):
    """Sizes of a controller and its memory."""

    inputs: int
    controller: int = 200  # units
    rows: int = 128
    width: int = 40
    heads: int = 4
    kind: Controller = "lstm"
    start: Start = "first"


class Rule(NamedTuple):
    """How `mann` writes and reads."""

    decay: float = 0.95  # of usage, γ
    writes: Writes = "key"
    targets: Targets = "every"
    strength: bool = False  # whether cosines are multiplied by a learned strength in reading


class Store(NamedTuple):
    """An external memory, and where it was used; with a leading axis for the batch."""

    memory: jax.Array  # [rows, width]
    read: jax.Array  # [heads, rows]: read weights of the last step
    usage: jax.Array  # [rows]; of the NTM: write weights of the last step, [heads, rows]


class Carry(NamedTuple):
    """What the network carries from step to step."""

    controller: Hidden
    seen: jax.Array  # [batch, heads * width]: read in the last step
    store: Store


Access: TypeAlias = Callable[[Store, jax.Array], tuple[Store, jax.Array]]


def mann(sizes: Sizes, rule: Rule = Rule()) -> Cell:
    """Least-recently-used access."""
    heads = sizes.heads
    vectors = 1 if rule.writes == "key" else 2
    ends = [heads * sizes.width * (i + 1) for i in range(vectors)]
    numbers = heads * (2 if rule.strength else 1)

    def access(store: Store, emitted: jax.Array) -> tuple[Store, jax.Array]:
        """Write, then read: the store, and [heads, width]."""
        *found, gates = jnp.split(emitted, ends)
        key, added = (jnp.tanh(one).reshape(heads, sizes.width) for one in (found[0], found[-1]))
        least = addressing.least_used(store.usage, heads)
        rows = least.own if rule.targets == "own" else least.every
        written = addressing.between(gates[:heads], store.read, rows)
        memory = addressing.write(store.memory, written, added, least.first)
        strengths = jax.nn.softplus(gates[heads:]) if rule.strength else None
        read = addressing.by_content(key, memory, strengths)
        usage = addressing.use(store.usage, rule.decay, read, written)
        return Store(memory, read, usage), read @ memory

    return _with_memory(sizes, ends[-1] + numbers, access, (sizes.rows,))


def ntm(sizes: Sizes, strength: bool = True) -> Cell:
    """Graves' addressing for writing, with an erase and an add vector for each head.

    Args:
      sizes: of the network.
      strength: whether cosines are multiplied by a learned strength in reading, as in writing.
    """
    heads, width = sizes.heads, sizes.width
    parts = {"key": width, "add": width, "erase": width, "shifts": 3, "numbers": 3 + strength}
    ends = [sum(list(parts.values())[: i + 1]) for i in range(len(parts) - 1)]

    def access(store: Store, emitted: jax.Array) -> tuple[Store, jax.Array]:
        """Write, then read: the store, and [heads, width]. `usage` holds the write weights."""
        key, add, erase, shifts, numbers = jnp.split(emitted.reshape(heads, -1), ends, axis=1)
        key = jnp.tanh(key)
        writing, gate, power = numbers[:, :3].T
        content = addressing.by_content(key, store.memory, jax.nn.softplus(writing))
        written = addressing.by_location(
            content,
            store.usage,
            jax.nn.sigmoid(gate),
            jax.nn.softmax(shifts),
            1 + jax.nn.softplus(power),
        )
        memory = addressing.erase_and_add(
            store.memory, written, jax.nn.sigmoid(erase), jnp.tanh(add)
        )
        reading = jax.nn.softplus(numbers[:, 3]) if strength else None
        read = addressing.by_content(key, memory, reading)
        return Store(memory, read, written), read @ memory

    return _with_memory(sizes, heads * sum(parts.values()), access, (heads, sizes.rows))


def _with_memory(sizes: Sizes, emitted: int, access: Access, usage: tuple[int, ...]) -> Cell:
    """A controller around `access`; the output is the controller's state and what was read."""
    seen = sizes.heads * sizes.width
    # Only the store before a step is kept for the gradient; the access is computed again.
    accesses = jax.vmap(jax.checkpoint(access, prevent_cse=False))

    def start(batch: int) -> Carry:
        at = jnp.zeros(sizes.rows).at[0].set(1.0 if sizes.start == "first" else 0.0)
        store = Store(
            jnp.full((batch, sizes.rows, sizes.width), EMPTY),
            jnp.broadcast_to(at, (batch, sizes.heads, sizes.rows)),
            jnp.broadcast_to(at, (batch, *usage)),
        )
        return Carry(empty(batch, sizes.controller), jnp.zeros((batch, seen)), store)

    def step(
        maps: Arrays, rest: PyTree, carry: Carry, offsets: Arrays
    ) -> tuple[Carry, jax.Array, Arrays]:
        del rest
        entering = carry.seen
        if sizes.kind != "feedforward":
            entering = jnp.concatenate([carry.controller.hidden, entering], axis=1)
        gates = entering @ maps["gates"] + offsets["gates"]
        if sizes.kind == "feedforward":
            state = Hidden(jnp.tanh(gates), carry.controller.cell)
        else:
            state = lstm_step(gates, carry.controller.cell)
        interface = state.hidden @ maps["interface"] + offsets["interface"]
        store, read = accesses(carry.store, interface)
        found = read.reshape(read.shape[0], seen)
        output = jnp.concatenate([state.hidden, found], axis=1)
        return Carry(state, found, store), output, {"gates": entering, "interface": state.hidden}

    return Cell(_init(sizes, emitted), start, step, sizes.controller + seen)


def _init(sizes: Sizes, emitted: int) -> Callable[[jax.Array], Params]:
    seen, units = sizes.heads * sizes.width, sizes.controller

    def init(key: jax.Array) -> Params:
        entering, recurrent, reading, interface = jax.random.split(key, 4)
        recurs = sizes.kind != "feedforward"
        gates = 4 * units if recurs else units
        matrices = [gate_matrix(recurrent, units, units)] if recurs else []
        matrices.append(scaled_matrix(reading, seen, gates))
        return Params(
            inputs=scaled_matrix(entering, sizes.inputs, gates),
            maps={
                "gates": jnp.concatenate(matrices),
                "interface": scaled_matrix(interface, units, emitted),
            },
            biases={
                "gates": gate_bias(units) if recurs else jnp.zeros(units),
                "interface": jnp.zeros(emitted),
            },
            rest=(),
        )

    return init
