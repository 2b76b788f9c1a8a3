"""Unrolls a cell over a sequence; what can be computed for all steps at once is not in the loop.

The input's share of the first pre-activation is one matrix product over all steps. So is
the gradient of every matrix within the loop: it is the sum over steps of the matrix's input
times the gradient of its output, and both are stored for each step. Autodiff
would add a whole matrix to a running sum at each step instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from metabench.types import PyTree

Arrays: TypeAlias = Mapping[str, jax.Array]


class Params(NamedTuple):
    """What a cell learns."""

    inputs: jax.Array  # [inputs, width of the map `gates`]
    maps: Arrays  # name -> matrix within the loop, [in, out]
    biases: Arrays  # name -> [out], with the same names
    rest: PyTree  # whatever else is learned


class Cell(NamedTuple):
    """One step of a recurrent network, on a batch of sequences (the leading axis)."""

    init: Callable[[jax.Array], Params]
    """`init(key) -> params`."""
    start: Callable[[int], PyTree]
    """`start(batch) -> carry`: before the first step."""
    step: Callable[[Arrays, PyTree, PyTree, Arrays], tuple[PyTree, jax.Array, Arrays]]
    """`step(maps, rest, carry, offsets) -> (carry, output, used)`. The cell computes
    `used[name] @ maps[name] + offsets[name]` once for each map, and nothing else with it.
    The offset of `gates` holds the input's share; those of all maps hold the bias."""
    outputs: int
    """Width of `output`."""


def unroll(
    cell: Cell, params: Params, carry: PyTree, xs: jax.Array, segment: int | None = None
) -> tuple[PyTree, jax.Array]:
    """Run `cell` over `xs` [steps, batch, inputs]: the last carry and [steps, batch, outputs].

    Args:
      cell: what to run.
      params: of the cell.
      carry: where to begin.
      xs: the inputs.
      segment: steps between the carries that are kept for the gradient; the steps between them
        are computed again (`jax.checkpoint`). None keeps every step. Memory is then proportional
        to steps / segment + segment instead of steps, at the price of one more forward pass.
    """
    steps, batch, _ = xs.shape
    offsets = {
        name: jnp.broadcast_to(bias[None, None], (steps, batch, bias.shape[0]))
        for name, bias in params.biases.items()
    }
    offsets["gates"] = offsets["gates"] + xs @ params.inputs
    maps = dict(params.maps)
    carry, (outputs, _) = _run(cell.step, segment, maps, params.rest, carry, offsets)
    return carry, outputs


def _scan(
    step: Callable[..., Any], segment: int | None, maps: Arrays, *inputs: PyTree
) -> tuple[PyTree, tuple[jax.Array, Arrays]]:
    """The loop: the last carry, and for each step the output and the inputs of the maps."""
    rest, carry, offsets = inputs

    def one(carry: PyTree, offset: Arrays) -> tuple[PyTree, tuple[jax.Array, Arrays]]:
        carry, output, used = step(maps, rest, carry, offset)
        return carry, (output, used)

    steps = offsets["gates"].shape[0]
    if segment is None or segment >= steps:
        return jax.lax.scan(one, carry, offsets)
    whole = steps // segment * segment
    pieces = {n: o[:whole].reshape(-1, segment, *o.shape[1:]) for n, o in offsets.items()}
    again = jax.checkpoint(partial(jax.lax.scan, one), prevent_cse=False)
    carry, found = jax.lax.scan(again, carry, pieces)
    found = jax.tree.map(lambda leaf: leaf.reshape(whole, *leaf.shape[2:]), found)
    if whole == steps:
        return carry, found
    carry, last = jax.lax.scan(one, carry, {name: o[whole:] for name, o in offsets.items()})
    return carry, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), found, last)


# Arguments: step, segment, maps, rest, carry, offsets.
_run = jax.custom_vjp(_scan, nondiff_argnums=(0, 1))


def _forward(
    step: Callable[..., Any], segment: int | None, maps: Arrays, *inputs: PyTree
) -> tuple[Any, Any]:
    found, backward = jax.vjp(partial(_scan, step, segment, maps), *inputs)
    return found, (backward, found[1][1])


def _backward(step: Callable[..., Any], segment: int | None, kept: Any, above: Any) -> Any:
    del step, segment
    backward, used = kept
    rest, carry, offsets = backward(above)
    maps = {name: jnp.einsum("sbi,sbo->io", used[name], offsets[name]) for name in used}
    return maps, rest, carry, offsets


_run.defvjp(_forward, _backward)
