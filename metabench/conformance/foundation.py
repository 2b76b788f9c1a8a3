"""What a learner that builds on another one must do. The other one is trained first."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np

from metabench import registry
from metabench.conformance.built import SHAPE, Built
from metabench.conformance.check import Skipped, named, require
from metabench.conformance.comparing import form, same_bits, same_form
from metabench.conformance.subject import Subject
from metabench.contracts.learner import EpisodeLearner, Foundation
from metabench.seeds import root_key
from metabench.types import ClassTable, Episode


def foundation(built: Built[EpisodeLearner]) -> Foundation:
    """What the learner builds on, or `Skipped`."""
    if built.learner.foundation is None:
        raise Skipped("builds on no other learner: its `foundation` is None")
    return built.learner.foundation


def check_source(subject: Subject) -> None:
    """The source has an embedding, and its name and settings build that very learner."""
    name, settings, learner, _ = foundation(subject.episodes).source
    require(
        learner.embed is not None,
        f"the source `{name}` must have an `embed` to build on, and has none",
    )
    again = registry.build_learner(name, replace(SHAPE, image=subject.shape.image), settings)
    given, rebuilt = (jax.eval_shape(one.init, root_key(0)) for one in (learner, again))
    require(
        same_form(given, rebuilt),
        f"the source must be the learner that its name `{name}` and its settings {dict(settings)} "
        f"build, with the state {form(rebuilt)}, but its state is {form(given)}",
    )


def check_keep(subject: Subject) -> None:
    """`keep` keeps something of the source or its images, and the form of the state."""
    built = subject.episodes
    if foundation(built).keep is None:
        raise Skipped("has no `keep`")
    first, begun = built.init(root_key(0)), built.initial
    require(
        same_form(begun, first),
        f"`keep` must keep the form of the state, {form(first)}, not make {form(begun)}",
    )
    require(
        not same_bits(begun, first),
        "`keep` must put something of the trained source or of the training images into the "
        "state, but returned the state that it was given",
    )


def check_relabel(subject: Subject) -> None:
    """`relabel` gives a class table that training tasks can be drawn from."""
    built = subject.episodes
    if foundation(built).relabel is None:
        raise Skipped("has no `relabel`")
    assert built.start is not None, "episodes are drawn from a table"
    _require_table(built.start.table)
    tasks = built.training_tasks()
    if isinstance(tasks, Episode):
        classes = np.sort(np.asarray(tasks.class_ids))
        require(
            bool((classes[:, 1:] > classes[:, :-1]).all()),
            "the classes of an episode must differ, but those drawn from the constructed table are "
            f"{classes.tolist()}: give each class a number of its own in `class_ids`",
        )


def _require_table(table: ClassTable) -> None:
    """Indices of a class table lie within what they point to."""
    classes, widest = table.members.shape
    members, counts = np.asarray(table.members), np.asarray(table.counts)
    require(
        members.min() >= 0 and members.max() < len(table.images),
        f"`members` of the constructed table must be indices of its {len(table.images)} images, "
        f"but go from {members.min()} to {members.max()}",
    )
    require(
        counts.shape == table.class_ids.shape == (classes,)
        and counts.min() >= 1
        and counts.max() <= widest,
        f"`counts` and `class_ids` of the constructed table must be one for each of {classes} "
        f"classes, counts from 1 to {widest}, but their shapes are {list(counts.shape)} and "
        f"{list(table.class_ids.shape)}, and counts go from {counts.min()} to {counts.max()}",
    )
    if table.pools is not None:
        rows = np.asarray(table.pools.members)
        require(
            rows.min() >= 0 and rows.max() < classes,
            f"`pools` of the constructed table must hold rows of its {classes} classes, but go "
            f"from {rows.min()} to {rows.max()}",
        )


FOUNDATION_CHECKS = named(check_source, check_keep, check_relabel)
