"""The inner loop: a few steps of any optimizer down any loss, as one differentiable function.

MAML, ANIL, Reptile and fine-tuning share it. An outer gradient may pass through the steps, with
second derivatives or without. It knows no network and no data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.options import Count, Options, Rate
from metabench.types import PyTree

InnerLoss: TypeAlias = Literal["mean", "sum/shots"]


@dataclass(frozen=True)
class InnerLoop(Options):
    """Options of an inner loop.

    Args:
      inner_steps: steps on the images of an episode.
      inner_rate: of these steps.
    """

    inner_steps: Count = 5
    inner_rate: Rate = 0.1


@dataclass(frozen=True)
class DifferentiatedLoop(InnerLoop):
    """Options of an inner loop that an outer gradient passes through.

    Args:
      inner_loss: what a step goes down: the `mean` cross-entropy of the supports, or their
        `sum/shots`, the sum divided by the shots. The latter is the loss of MAML's code, for which
        its paper states the rates; it is `way` times the mean, and so is a step.
      first_order: leave the second derivatives out (Finn et al. 2017, section 5.2).
    """

    inner_loss: InnerLoss = "mean"
    first_order: bool = False

    def reduced(self, mean: jax.Array, way: int) -> jax.Array:
        """The loss of a step, from the mean over the supports of `way` classes.

        Where classes have unequal numbers of supports, the shots are their mean.
        """
        return way * mean if self.inner_loss == "sum/shots" else mean


class Adapted(NamedTuple):
    """The outcome of an inner loop."""

    params: PyTree
    optimizer: PyTree
    losses: jax.Array  # [steps], before each step
    seen: PyTree  # what `watch` keeps of each step, [steps, ...]


def inner_loop(
    loss: Callable[[PyTree, PyTree], jax.Array],
    params: PyTree,
    optimizer: optax.GradientTransformation,
    inputs: PyTree,
    *,
    state: PyTree = None,
    first_order: bool = False,
    rematerialise: bool = False,
    watch: Callable[[PyTree, PyTree], PyTree] = lambda state, gradient: (),
    unroll: bool = False,
) -> Adapted:
    """`params` after one step of `optimizer` for each entry of `inputs`.

    Args:
      loss: `loss(params, input)`, a scalar.
      params: where the loop begins.
      optimizer: it gets the gradient, the parameters, and the loss as `value`.
      inputs: one for each step along a leading axis: batches, or `jnp.arange(steps)`.
      state: of the optimizer; None for the first one.
      first_order: the inner gradients are constants for an outer gradient.
      rematerialise: keep only the parameters before each step and compute the rest again in the
        backward pass: memory of one step instead of all, for one more forward pass.
      watch: what is kept of the optimizer's state and the gradient of every step.
      unroll: write the steps out one after the other. What an outer gradient keeps of them is
        then not copied into arrays over all steps and back, but the program grows with the steps.
    """
    optimizer = optax.with_extra_args_support(optimizer)

    def step(carry: tuple[PyTree, PyTree], data: PyTree) -> tuple[tuple[PyTree, PyTree], PyTree]:
        params, state = carry
        point = jax.lax.stop_gradient(params) if first_order else params
        value, gradient = jax.value_and_grad(loss)(point, data)
        if first_order:  # the loss may also depend on outer parameters in other ways
            value, gradient = jax.lax.stop_gradient((value, gradient))
        updates, state = optimizer.update(gradient, state, params, value=value)
        return (optax.apply_updates(params, updates), state), (value, watch(state, gradient))

    begin = (params, optimizer.init(params) if state is None else state)
    (params, state), (losses, seen) = jax.lax.scan(
        jax.checkpoint(step) if rematerialise else step, begin, inputs, unroll=unroll
    )
    return Adapted(params, state, losses, seen)


class Steps(NamedTuple):
    """How many steps of gradient descent have been taken."""

    taken: jax.Array


def descent(rates: PyTree) -> optax.GradientTransformation:
    """Gradient descent with separate rates [steps] for each array, which may be learned.

    Args:
      rates: like the parameters, with one rate for each step in place of an array. Further
        steps use the last one.
    """

    def init(params: PyTree) -> Steps:
        del params
        return Steps(jnp.zeros((), jnp.int32))

    def update(gradients: PyTree, state: Steps, params: PyTree = None) -> tuple[PyTree, Steps]:
        del params

        def one(rate: jax.Array, gradient: jax.Array) -> jax.Array:
            now = rate[jnp.minimum(state.taken, rate.shape[0] - 1)]
            return (-now * gradient).astype(gradient.dtype)

        return jax.tree.map(one, rates, gradients), Steps(state.taken + 1)

    return optax.GradientTransformation(init, update)
