"""Both experiments, from a plan to a result document."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from metabench.errors import UserError
from metabench.tracks.causal import direction, encoder
from metabench.tracks.causal.document import adaptation_rows, direction_document, rotation_document
from metabench.tracks.causal.plan import VERSION, DirectionPlan, RotationPlan
from metabench.tracks.causal.rotation import cause_is_first, off

Advance = Callable[[int], None]


def work_of(plan: DirectionPlan | RotationPlan) -> int:
    """How much `advance` is told of in all."""
    return plan.episodes + (plan.curve_transfers if isinstance(plan, DirectionPlan) else 0)


def execute(
    plan: DirectionPlan | RotationPlan, command: str, advance: Advance = lambda done: None
) -> dict[str, Any]:
    """The result document.

    Args:
      plan: what is measured.
      command: that the document names.
      advance: called with how much of `work_of` was just done.
    """
    begun = time.perf_counter()
    if isinstance(plan, DirectionPlan):
        beliefs = direction.learn(plan, advance)
        rows = adaptation_rows(direction.measure(plan, advance))
        return direction_document(plan, beliefs, rows, time.perf_counter() - begun, command)
    beliefs, apart = _encoded(plan, advance)
    return rotation_document(plan, beliefs, apart, time.perf_counter() - begun, command)


def beliefs_again(document: Mapping[str, Any], numbers: Iterable[int]) -> np.ndarray:
    """The last beliefs of the seeds at the places `numbers` of a document, learned anew.

    Raises:
      UserError: the document is of another version of the protocol.
    """
    plan = planned(document)
    plan = replace(plan, seeds=tuple(plan.seeds[number] for number in numbers))
    if isinstance(plan, DirectionPlan):
        return direction.learn(plan)[:, -1]
    return _encoded(plan, lambda done: None)[0][:, -1]


def planned(document: Mapping[str, Any]) -> DirectionPlan | RotationPlan:
    """The plan behind a document; `UserError` where its worlds are drawn in another way."""
    protocol = document["protocol"]
    if protocol["version"] != VERSION:
        raise UserError(
            f"the result is of version {protocol['version']} of its protocol, and this metabench "
            f"measures {VERSION}; install the version that wrote it"
        )
    kind = DirectionPlan if "categories" in protocol else RotationPlan
    known = {one.name for one in fields(kind)}
    said = {**document["hyperparameters"], **protocol, "seeds": tuple(document["seeds"])}
    return kind(**{name: value for name, value in said.items() if name in known})


def _encoded(plan: RotationPlan, advance: Advance) -> tuple[np.ndarray, np.ndarray]:
    """Beliefs in the true direction, and radians from the true axes, [seeds, episodes] each."""
    found = encoder.learn(plan, advance)
    first = cause_is_first(found.angles)
    return np.where(first, found.beliefs, 1 - found.beliefs), off(found.angles)
