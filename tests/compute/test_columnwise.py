"""Columns on several devices: each works on its own part, and all agree on the whole."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.compute import columnwise
from metabench.compute.columnwise import (
    devices_for_columns,
    gathered,
    on_parts,
    own,
    part_size,
    summed,
    taken,
)
from metabench.compute.devices import copied
from metabench.compute.native import use_native
from tests.two_devices import on_two_devices

ROWS = np.arange(14.0).reshape(2, 7)
COLUMNS = np.array([6, 0, 3, 4, 4])


@pytest.mark.parametrize(
    ("count", "native", "devices"),
    [(0, False, 1), (4095, False, 1), (8192, False, 2), (10**6, False, 6), (10**6, True, 1)],
)
def test_a_device_has_enough_to_do(monkeypatch, count, native, devices):
    monkeypatch.setattr(jax, "devices", lambda: list(range(6)))
    with use_native(native):
        assert devices_for_columns(count) == list(range(devices))


def program(rows, columns):
    """Everything that a program can ask for; squares stand for work on a part."""
    part = jnp.square(own(rows))
    return {
        "whole": gathered(part, rows.shape[1]),
        "vector": gathered(part[0], rows.shape[1]),
        "sum": summed(part.sum()),
        "taken": taken(part, columns),
        "size": jnp.int32(part.shape[1]),
        "planned": jnp.int32(part_size(rows.shape[1])),
    }


def print_found():
    """What the other process of the next test does: seven columns on two devices."""
    devices = jax.devices()
    rows, columns = copied((jnp.asarray(ROWS), jnp.asarray(COLUMNS)), devices)
    found = jax.jit(on_parts(program, devices))(rows, columns)
    print(json.dumps(jax.tree.map(lambda leaf: leaf.tolist(), found)))


@pytest.mark.parametrize("devices", [1, 2])
def test_what_a_program_finds(devices):
    if devices == 1:
        found = on_parts(program, jax.devices()[:1])(jnp.asarray(ROWS), jnp.asarray(COLUMNS))
    else:
        found = on_two_devices("tests.compute.test_columnwise", "print_found")
    squares = ROWS**2
    np.testing.assert_array_equal(found["whole"], squares)
    np.testing.assert_array_equal(found["vector"], squares[0])
    np.testing.assert_array_equal(found["sum"], squares.sum())
    np.testing.assert_array_equal(found["taken"], squares[:, COLUMNS])
    assert found["size"] == found["planned"] == (7 if devices == 1 else 4)


def test_nothing_is_left_behind():
    """A program that fails on parts leaves later ones whole."""
    with pytest.raises(ZeroDivisionError):
        on_parts(lambda: 1 / 0, [jax.devices()[0]] * 2)()
    assert columnwise.part_size(7) == 7
