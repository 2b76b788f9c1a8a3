"""How a step of a learner's training is spread over devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax

from metabench.compute.devices import across, devices_for, here
from metabench.compute.joined import devices_for_all, parted, whole
from metabench.contracts.learner import Learner
from metabench.types import PyTree

T = TypeVar("T")


def training_devices(learner: Learner, batch: int) -> list[jax.Device]:
    """What a batch is spread over: `devices_for` it, where the learner spreads it.

    Else those that are used together (`devices_for_all`), and one where nothing is trained.
    """
    if learner.training is None:
        return here()[:1]
    return devices_for(batch) if learner.training.spread else devices_for_all()


def stepped(
    learner: Learner, devices: Sequence[jax.Device], function: Callable[..., T]
) -> Callable[..., T]:
    """`function(state, tasks, ...)` with its tasks spread over `devices`."""
    assert learner.training is not None
    if learner.training.spread:

        def spread(state: PyTree, tasks: PyTree, *others: Any) -> T:
            with across(devices):
                return function(state, tasks, *others)

        return spread

    def together(state: PyTree, tasks: PyTree, *others: Any) -> T:
        return whole(function(state, parted(tasks, devices), *others), devices)

    return together
