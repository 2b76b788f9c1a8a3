"""Model-Agnostic Meta-Learning (Finn, Abbeel & Levine 2017).

It learns initial weights from which a few steps of gradient descent on the supports lead to a
classifier that is right on the queries (algorithm 2). The rates of these steps may be learned too,
one for each array and step, as in MAML++ (Antoniou et al. 2019, section 4).

The paper's figures normalise the queries of a test episode by their own batch statistics, which is
transductive: `norm="batch"`. With `norm="support"` the supports' statistics serve the queries.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import EpisodeLearner, Training
from metabench.contracts.options import Count, with_options
from metabench.errors import UserError
from metabench.learners.common.backbone import CONV4
from metabench.learners.common.inner_loop import DifferentiatedLoop, descent, inner_loop
from metabench.learners.common.optimizer import ClippedAdam, adam
from metabench.learners.common.state import State, Task
from metabench.learners.common.training_shape import SameWayEpisodes, training_shape
from metabench.learners.common.whole_network import Supports
from metabench.learners.gradient.outer_loop import Network, outer_training
from metabench.nets.classifier import parted, rejoined
from metabench.types import EpisodeShape, PyTree

UNROLLED = 5  # inner steps of meta-training: up to so many are compiled one after the other


class Initial(NamedTuple):
    """What is meta-learned."""

    weights: PyTree
    rates: PyTree  # of the inner steps, [inner_steps] for each array; () if they are fixed


@with_options
def maml(
    shape: EpisodeShape,
    *,
    loop: DifferentiatedLoop = DifferentiatedLoop(),
    test_steps: Count | None = None,
    learned_rates: bool = False,
    adapt_norm: bool = True,
    rematerialise: bool = False,
    network: Network = Network(),
    episodes: SameWayEpisodes = SameWayEpisodes(),
    optimizer: ClippedAdam = ClippedAdam(),
) -> EpisodeLearner:
    """MAML on four blocks of 32 channels and a linear layer.

    Args:
      shape: of the test episodes.
      loop: the inner loop of meta-training. Learned rates begin with its `inner_rate`.
      test_steps: inner steps in validation and test; None for `inner_steps`.
      learned_rates: learn a rate for each array and inner step.
      adapt_norm: adapt the scales and shifts of normalisations in the inner loop too. MAML's code
        does not: only the outer loop learns them.
      rematerialise: compute inner steps again in the backward pass, to use less memory.
      network: the classifier that is adapted.
      episodes: of training, where they differ from the test's.
      optimizer: of the outer loop.

    Reference: https://arxiv.org/abs/1703.03400
    """
    steps, outer = loop.inner_steps, adam(optimizer)
    net, tested, transductive = network.nets(shape)
    check_parted(adapt_norm, network.backbone)
    unroll = steps <= UNROLLED and not (loop.first_order or rematerialise)
    adapted = partial(_adapted, loop, shape.way, adapt_norm, rematerialise)

    def init(key: jax.Array) -> State:
        weights, stats = net.init(key)
        moved = weights if adapt_norm else parted(weights)[0]
        rates = jax.tree.map(lambda leaf: jnp.full(steps, loop.inner_rate, jnp.float32), moved)
        params = Initial(weights, rates if learned_rates else ())
        return State(params, stats, outer.init(params))

    def adapt(state: State, support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        supports = Supports(tested, tested.init(key)[1], support_x, support_y)
        return adapted(state.params, supports, steps=test_steps or steps)

    return EpisodeLearner(
        init=init,
        adapt=adapt,
        predict=lambda task, query_x: tested.apply(task.weights, task.stats, query_x)[0],
        training=Training(
            outer_training(partial(adapted, steps=steps, unroll=unroll), net, outer),
            training_shape(shape, episodes),
            batch=4,
            spread=True,
        ),
        transductive=transductive,
    )


def check_parted(adapt_norm: bool, backbone: str) -> None:
    """`UserError` where normalisations are to be left out of the inner loop, but are not known."""
    if not adapt_norm and backbone != CONV4:
        raise UserError(
            "`adapt_norm` is false, but where the normalisations are is known of `backbone` conv4 "
            f"alone, and it is {backbone}"
        )


def _adapted(
    loop: DifferentiatedLoop,
    way: int,
    adapt_norm: bool,
    rematerialise: bool,
    params: Initial,
    supports: Supports,
    *,
    steps: int,
    unroll: bool = False,
) -> Task:
    """The inner loop, from the initial weights to those of the episode."""
    begin, norms = (params.weights, None) if adapt_norm else parted(params.weights)

    def whole(moved: PyTree) -> PyTree:
        return moved if norms is None else rejoined(moved, norms)

    found = inner_loop(
        lambda moved, number: loop.reduced(supports.error(whole(moved), number), way),
        begin,
        descent(params.rates) if params.rates else optax.sgd(loop.inner_rate),
        jnp.arange(steps),
        first_order=loop.first_order,
        rematerialise=rematerialise,
        unroll=unroll,
    )
    return supports.task(whole(found.params))
