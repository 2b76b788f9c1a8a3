"""An LSTM with batch-normalised recurrence (Cooijmans, Ballas, Laurent & Courville 2017).

The shares of the hidden state and of the input in the pre-activations are normalised
separately, each with a gain that starts at 0.1. The cell is normalised before the output
(equations 6 to 8). Every step has its own statistics; steps beyond the last trained one use
the statistics of the last one.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.nets.memory.lstm import Hidden, empty, gate_bias, gate_matrix, scaled_matrix

GAIN = 0.1  # at the start (section 4)
SMALL = 1e-5  # added to a variance


class NormedParams(NamedTuple):
    """What the layer learns."""

    inputs: jax.Array  # [inputs, 4 * width]
    recurrent: jax.Array  # [width, 4 * width]
    bias: jax.Array  # [4 * width]
    input_gain: jax.Array  # [4 * width]
    recurrent_gain: jax.Array  # [4 * width]
    cell_gain: jax.Array  # [width]
    cell_bias: jax.Array  # [width]


class Moments(NamedTuple):
    """Mean and variance over the batch, [steps, units]."""

    mean: jax.Array
    variance: jax.Array


class Statistics(NamedTuple):
    """The moments of the three things that are normalised, one row for each step."""

    inputs: Moments
    recurrent: Moments
    cell: Moments


def init(key: jax.Array, inputs: int, width: int) -> NormedParams:
    """Parameters of a layer of `width` units over `inputs` numbers."""
    entering, recurrent = jax.random.split(key)
    return NormedParams(
        inputs=scaled_matrix(entering, inputs, 4 * width),
        recurrent=gate_matrix(recurrent, width, width),
        bias=gate_bias(width),
        input_gain=jnp.full(4 * width, GAIN),
        recurrent_gain=jnp.full(4 * width, GAIN),
        cell_gain=jnp.full(width, GAIN),
        cell_bias=jnp.zeros(width),
    )


def first_statistics(steps: int, width: int) -> Statistics:
    """The statistics of `steps` steps before any training: means 0 and variances 1."""

    def moments(units: int) -> Moments:
        return Moments(jnp.zeros((steps, units)), jnp.ones((steps, units)))

    return Statistics(moments(4 * width), moments(4 * width), moments(width))


def averaged(
    before: Statistics, seen: Statistics, number: jax.Array | int, batch: int
) -> Statistics:
    """The mean of the statistics of batches 0 … `number`: those of the population.

    The paper estimates them over the training set, with the final weights; so does the original
    of batch norm (Ioffe & Szegedy 2015, algorithm 2), whose correction of the variance is here too.

    Args:
      before: the mean over batches 0 … `number` - 1; without meaning for number 0.
      seen: the moments of batch `number`.
      number: of batches before this one.
      batch: sequences in a batch, over which its moments were taken.
    """
    share, correction = 1 / (number + 1), batch / max(batch - 1, 1)

    def mean(a: jax.Array, b: jax.Array) -> jax.Array:
        return a + (b - a) * share

    def both(old: Moments, new: Moments) -> Moments:
        return Moments(mean(old.mean, new.mean), mean(old.variance, new.variance * correction))

    return Statistics(*(both(*pair) for pair in zip(before, seen, strict=True)))


def run(
    params: NormedParams,
    xs: jax.Array,
    statistics: Statistics | None = None,
    start: Hidden | None = None,
    first: jax.Array | int = 0,
) -> tuple[Hidden, jax.Array, Statistics]:
    """The last state, hidden states [steps, batch, width], and the statistics that normalised.

    Args:
      params: of the layer.
      xs: [steps, batch, inputs].
      statistics: normalise by these; None: by those of this batch (training).
      start: the state to begin from; None for zeros.
      first: number of the first step, for `statistics`.
    """
    steps, batch, _ = xs.shape
    entering = xs @ params.inputs
    given = None
    if statistics is not None:
        kept = statistics.cell.mean.shape[0]
        place = jnp.minimum(first + jnp.arange(steps), kept - 1)
        given = jax.tree.map(lambda leaf: leaf[place], statistics)

    def step(
        carry: Hidden, now: tuple[jax.Array, Statistics | None]
    ) -> tuple[Hidden, tuple[jax.Array, Statistics]]:
        x, by = now
        carry, used = _step(params, carry, x, by)
        return carry, (carry.hidden, used)

    start = start or empty(batch, params.cell_gain.shape[0])
    last, (hidden, used) = jax.lax.scan(step, start, (entering, given))
    return last, hidden, used


def _step(
    params: NormedParams, carry: Hidden, x: jax.Array, by: Statistics | None
) -> tuple[Hidden, Statistics]:
    entered, one = _normalised(x, by and by.inputs)
    recurred, other = _normalised(carry.hidden @ params.recurrent, by and by.recurrent)
    gates = entered * params.input_gain[None] + recurred * params.recurrent_gain[None]
    gates = gates + params.bias[None]
    width = carry.cell.shape[1]
    enter, keep, leave = jnp.split(jax.nn.sigmoid(gates[:, : 3 * width]), 3, axis=1)
    cell = keep * carry.cell + enter * jnp.tanh(gates[:, 3 * width :])
    shown, third = _normalised(cell, by and by.cell)
    shown = shown * params.cell_gain[None] + params.cell_bias[None]
    return Hidden(leave * jnp.tanh(shown), cell), Statistics(one, other, third)


def _normalised(x: jax.Array, by: Moments | None) -> tuple[jax.Array, Moments]:
    """[batch, units], normalised by the moments `by`, or by its own moments."""
    found = by or Moments(x.mean(0), x.var(0))
    scale = jax.lax.rsqrt(found.variance + SMALL)
    return (x - found.mean[None]) * scale[None], found
