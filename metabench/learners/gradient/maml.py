"""Model-Agnostic Meta-Learning (Finn, Abbeel & Levine 2017).

Initial weights from which a few steps of gradient descent on the supports lead to a classifier
that is right on the queries (algorithm 2). Rates that are learned, one for each array and step,
are those of MAML++ (Antoniou et al. 2019, section 4).

The paper's figures normalise the queries of a test episode by their own batch statistics, which is
transductive: `norm="batch"`. With `norm="support"` the supports' statistics serve the queries.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import TEST_ONLY, Learner
from metabench.learners.common.inner_loop import check_inner, descent, inner_loop
from metabench.learners.common.optimizer import Decay, adam
from metabench.learners.common.state import State, Task
from metabench.learners.common.training_shape import training_shape
from metabench.learners.gradient.outer_loop import both_nets, outer_training
from metabench.nets.classifier import Norm
from metabench.nets.functional import Functional
from metabench.types import EpisodeShape, PyTree

UNROLLED = 5  # inner steps of meta-training: up to so many are compiled one after the other


class Initial(NamedTuple):
    """What is meta-learned."""

    weights: PyTree
    rates: PyTree  # of the inner steps, [inner_steps] for each array; () where they are fixed


def maml(
    shape: EpisodeShape,
    *,
    inner_steps: int = 5,
    test_steps: int | None = None,
    inner_rate: float = 0.1,
    learned_rates: bool = False,
    first_order: bool = False,
    rematerialise: bool = False,
    norm: Norm = "batch",
    test_norm: Annotated[Norm | None, TEST_ONLY] = None,
    width: int = 32,
    learning_rate: float = 1e-3,
    decay: Decay = "cosine",
    clip: float | None = None,
    train_shot: int | None = None,
    train_query: int | None = None,
    steps: int = 10_000,
) -> Learner:
    """MAML on four blocks of 32 channels and a linear layer.

    Args:
      shape: of the test episodes.
      inner_steps: gradient steps on a support set in meta-training.
      test_steps: the same in validation and test; None for `inner_steps`.
      inner_rate: of the inner steps; where rates are learned, what they begin with.
      learned_rates: learn a rate for each array and inner step.
      first_order: leave the second derivatives out (the paper's section 5.2).
      rematerialise: compute inner steps again in the backward pass and keep less.
      norm: statistics that normalise; `batch` is transductive.
      test_norm: the same in the test of a training with `norm`; `support` after `batch` hides
        queries from one another that met in training. None for `norm`.
      width: channels of each block.
      learning_rate: of Adam, the outer loop.
      decay: `cosine` over `steps`, or `constant`.
      clip: largest global norm of an outer gradient.
      train_shot: shots of the training episodes; None for the test's.
      train_query: queries per class of the training episodes; None for the test's.
      steps: length of meta-training, for the decay.

    Reference: https://arxiv.org/abs/1703.03400
    """
    check_inner(inner_steps, inner_rate)
    check_inner(inner_steps if test_steps is None else test_steps, inner_rate, "test_steps")
    optimizer = adam(learning_rate, decay, steps, clip)
    net, tested = both_nets(shape, width, norm, test_norm)
    adapted = partial(_adapted, net, inner_rate, first_order, rematerialise)
    unroll = inner_steps <= UNROLLED and not (first_order or rematerialise)
    adapted_in_test = partial(_adapted, tested, inner_rate, first_order, rematerialise)

    def init(key: jax.Array) -> State:
        weights, stats = net.init(key)
        rates = jax.tree.map(lambda leaf: jnp.full(inner_steps, inner_rate, jnp.float32), weights)
        params = Initial(weights, rates if learned_rates else ())
        return State(params, stats, optimizer.init(params))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        steps, stats = test_steps or inner_steps, tested.init(key)[1]
        return adapted_in_test(state.params, stats, support_x, support_y, steps)

    return Learner(
        init=init,
        adapt=adapt,
        predict=lambda task, query_x: tested.apply(task.weights, task.stats, query_x)[0],
        train=outer_training(partial(adapted, steps=inner_steps, unroll=unroll), net, optimizer),
        parameters=lambda state: state.params,
        train_shape=training_shape(shape, None, train_shot, train_query),
        batch=4,
        apart=True,
        transductive=(test_norm or norm) == "batch",
    )


def _adapted(
    net: Functional,
    rate: float,
    first_order: bool,
    rematerialise: bool,
    params: Initial,
    stats: PyTree,
    support_x: jax.Array,
    support_y: jax.Array,
    steps: int,
    unroll: bool = False,
) -> Task:
    """The inner loop, from the initial weights to an episode's own."""

    def loss(weights: PyTree, number: jax.Array) -> jax.Array:
        del number  # every step sees all supports
        scores, _ = net.apply(weights, stats, support_x, train=True)
        return optax.softmax_cross_entropy_with_integer_labels(scores, support_y).mean()

    optimizer = descent(params.rates) if params.rates else optax.sgd(rate)
    weights = inner_loop(
        loss,
        params.weights,
        optimizer,
        jnp.arange(steps),
        first_order=first_order,
        rematerialise=rematerialise,
        unroll=unroll,
    ).params
    # Costs nothing where there are no statistics to keep: nobody reads the logits.
    return Task(weights, net.apply(weights, stats, support_x, train=True)[1])
