"""What is asked of every learner: the same answers however it is called.

It is asked of a learner's episodes where it takes them, else of its streams, else of its functions.
The checks measure: they call the learner in two ways and compare.
"""

from __future__ import annotations

import jax
import numpy as np

from metabench.conformance.built import TASKS, answer, keys, one
from metabench.conformance.check import named, require
from metabench.conformance.comparing import distance, same_bits
from metabench.conformance.subject import Subject
from metabench.seeds import root_key


def check_deterministic(subject: Subject) -> None:
    """The same key gives the same bits."""
    built = subject.main
    task, key = one(built.tasks()), root_key(5)
    require(
        same_bits(*(built.init(root_key(0)) for _ in range(2))),
        "`init` must return the same bits for the same key, and did not",
    )
    state = built.trained.state
    first, second = (jax.tree.map(np.asarray, built.answer(state, task, key)) for _ in range(2))
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    require(
        same_bits(first, second),
        f"{built.answering} must return the same bits for the same key, but the answers differ by "
        f"up to {max(np.abs(found - other).max() for found, other in pairs):.3g}",
    )


def check_built_twice(subject: Subject) -> None:
    """A learner that is built afresh gives the same answers, and trains with the same loss."""
    built, again = subject.main, subject.again()
    inputs = built.trained.state, one(built.tasks()), root_key(5)
    apart = distance(again.answer(*inputs), built.answer(*inputs))
    if built.learner.training is not None:
        batch = built.initial, built.training_tasks(), root_key(5)
        losses = [each.train(*batch)[1]["loss"] for each in (again, built)]
        apart = max(apart, distance(*losses))
    require(
        apart <= 1,
        "a learner built twice must do the same, but the second one's answers differ by "
        f"{apart:.3g} times what rounding explains: it draws random numbers without a key",
    )


def check_jit(subject: Subject) -> None:
    """Compiled and uncompiled answers agree up to rounding."""
    built = subject.main
    task, key, state = one(built.tasks()), root_key(5), built.trained.state
    apart = distance(answer(built.learner, state, task, key), built.answer(state, task, key))
    require(
        apart <= 1,
        f"answers with and without `jax.jit` must agree, but differ by {apart:.3g} times what "
        "rounding explains",
    )


def check_vmap(subject: Subject) -> None:
    """Tasks under `jax.vmap` get the answers that they get one by one."""
    built = subject.main
    tasks, state = built.tasks(), built.trained.state
    for index in (0, 1, TASKS - 1):
        alone = built.answer(state, one(tasks, index), keys(TASKS)[index])
        apart = distance(one(built.answered, index), alone)
        require(
            apart <= 1,
            f"answers to task {index} must be the same alone and under `jax.vmap`, but differ by "
            f"{apart:.3g} times what rounding explains",
        )


def check_compiles_once(subject: Subject) -> None:
    """Nothing is compiled again for a second batch of equal shape or for a trained state."""
    built = subject.main
    tasks = built.tasks()
    for index, state in enumerate((built.initial, built.trained.state)):
        # Waited for: a learner on the host would else be called while the process ends.
        jax.block_until_ready(built.answer(state, one(tasks, index), root_key(index)))
    built.require_one_trace("`training.step`")
    built.require_one_trace(built.answering)


GENERAL_CHECKS = named(
    check_deterministic, check_built_twice, check_jit, check_vmap, check_compiles_once
)
