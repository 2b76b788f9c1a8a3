"""What the tests of learners that are trained without labels share."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.nets.functional import Functional
from metabench.seeds import root_key
from metabench.tasks.kinds import sample_tasks


def bare(function):
    """`function(params, *inputs)` as a network without statistics."""
    return Functional(
        lambda key: ({}, {}), lambda params, stats, *x, train: (function(params, *x), stats)
    )


def training(learner):
    """`run(table, steps)`, compiled: state and losses after steps on drawings of the table."""

    def run(table, steps):
        def step(state, number):
            images = sample_tasks(root_key(1), number[None], table, learner.training.shape)
            key = jax.random.fold_in(root_key(2), number)
            return learner.training.step(state, images, key)

        return jax.lax.scan(step, learner.init(root_key(0)), jnp.arange(steps))

    return jax.jit(run, static_argnames="steps")


def trained(learner, table, steps):
    """State and losses after `steps` steps on drawings of `table`."""
    return training(learner)(table, steps)


def assert_no_label_is_met(learner, table, steps=3):
    """The same bits with labels that say nothing."""
    other = table._replace(members=table.members[::-1], class_ids=0 * table.class_ids)
    run = training(learner)
    states = (run(one, steps)[0] for one in (table, other))
    for one, another in zip(*map(jax.tree.leaves, states), strict=True):
        np.testing.assert_array_equal(one, another)
