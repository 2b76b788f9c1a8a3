"""What a learner that is meta-trained must do."""

from __future__ import annotations

from typing import Any

import numpy as np

from metabench.conformance.built import STEPS, Built
from metabench.conformance.check import Skipped, named, require
from metabench.conformance.comparing import form, same_bits
from metabench.conformance.subject import Subject
from metabench.contracts.learner import learned
from metabench.seeds import root_key


def trained_one(built: Built[Any]) -> Built[Any]:
    """`built`, or `Skipped` where there is no training."""
    if built.learner.training is None:
        raise Skipped("is not trained: its `training` is None")
    return built


def check_train_step(subject: Subject) -> None:
    """The training step keeps the form of the state, and reports a scalar loss."""
    trained_one(subject.main).require_step()


def check_learns(subject: Subject) -> None:
    """The state of a learner that is trained holds learned arrays, and training changes them."""
    require_learning(trained_one(subject.main))


def require_learning(built: Built[Any]) -> None:
    """There are learned arrays, and a short training changes some of them."""
    before, after = (learned(state) for state in (built.initial, built.trained.state))
    require(
        bool(before),
        "the state of a learner with a `training` must hold learned arrays, in its field or key "
        f"`params` or as floating-point arrays; it is {form(built.initial)}",
    )
    require(
        not same_bits(before, after),
        f"a training of {STEPS} steps must change the learned arrays, but left all of them as "
        f"they were: {form(before)}",
    )


def check_train_deterministic(subject: Subject) -> None:
    """The training step gives the same bits for the same key."""
    built = trained_one(subject.main)
    inputs = built.initial, built.training_tasks(), root_key(5)
    first, second = (built.train(*inputs)[1]["loss"] for _ in range(2))
    require(
        bool(first == second),
        f"`training.step` must return the same bits for the same key, but its loss was {first}, "
        f"then {second}",
    )


def check_loss_falls(subject: Subject) -> None:
    """A short meta-training for episodes lowers the loss.

    The mean loss of the last third of the steps is significantly below that of the first.
    """
    built = trained_one(subject.episodes)
    first, last = np.split(built.trained.losses[: STEPS // 3 * 3], 3)[::2]
    noise = np.sqrt((first.var(ddof=1) + last.var(ddof=1)) / len(first))
    require(
        first.mean() - last.mean() > 2 * noise,
        f"the loss must fall within {STEPS} steps, but went from {first.mean():.4g} to "
        f"{last.mean():.4g} (± {noise:.2g})",
    )


TRAINING_CHECKS = named(check_train_step, check_learns, check_train_deterministic, check_loss_falls)
