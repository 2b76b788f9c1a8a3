"""What is refused before a run begins: options that change nothing, and counts too many to hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from metabench.compute import memory
from metabench.errors import UserError
from metabench.scoring.chunks import chunk_size
from metabench.seeds import root_key
from metabench.tracks.fewshot.plan import Plan
from metabench.training.lengths import check_steps
from metabench.types import StreamShape

COUNTED = 40  # bytes of an episode: its counts as arrays, in the result and in its file
PRESENTED = 16  # bytes of a presentation in a stream
CHUNK = 2000  # bytes of a chunk of episodes that waits for its turn


def check_used(
    plan: Plan, settings: Mapping[str, Any], train: Mapping[str, Any], trained_for: str | None
) -> None:
    """`UserError` on what was asked for and would change nothing.

    Args:
      plan: what came of it.
      settings: of the learner.
      train: lengths of training.
      trained_for: id of the protocol whose training is tested.
    """
    if plan.learner.training is not None:
        if trained_for is None:
            check_steps(settings, plan.lengths)
        return
    below = plan.source
    why = "" if below is None else f" itself, but builds on {below.entry.name}, trained as usual"
    for option, given in (("train", train), ("trained-for", trained_for)):
        if given:
            raise UserError(
                f"`--{option}` is given, but learner `{plan.entry.name}` is not meta-trained{why}; "
                "leave it out"
            )
    if len(plan.seeds) > 1 and not depends_on_seed(plan):
        raise UserError(
            f"`seeds` is {len(plan.seeds)}, but learner `{plan.entry.name}` is not meta-trained "
            "and begins with no random numbers, so every seed gives the same; leave it out"
        )


def check_together(plan: Plan, together: bool) -> None:
    """`UserError` if seeds are to be trained `together`, and nothing is trained, or one seed."""
    if not together:
        return
    learner = plan.learner.training is None and plan.source is None
    for cause, why in (
        (learner, f"learner `{plan.entry.name}` is not trained"),
        (plan.tested_training is not None, "`trained-for` tests an earlier training"),
        (len(plan.seeds) < 2, "there is one seed"),
    ):
        if cause:
            raise UserError(f"`seeds-together` is given, but {why}; leave it out")


def depends_on_seed(plan: Plan) -> bool:
    """Whether something is trained, or a state is there that a seed could change."""
    if plan.learner.training is not None or plan.source is not None:
        return True
    state = jax.eval_shape(lambda: plan.learner.init(root_key(0)))
    return bool(jax.tree.leaves(state))


def check_memory(plan: Plan) -> None:
    """`UserError` if the counts of the test episodes need more memory than there is."""
    episodes, shape = plan.protocol.episodes, plan.shape
    columns = shape.presentations if isinstance(shape, StreamShape) else 0
    each = COUNTED + PRESENTED * columns + CHUNK / chunk_size(shape)
    there, wants = memory.available(), episodes * len(plan.seeds) * each
    if there is not None and wants > there:
        raise UserError(
            f"`episodes` is {episodes:,}: to count the answers in so many takes about "
            f"{wants / 1e9:,.1f} GB of memory, and {there / 1e9:,.1f} GB are free; take fewer"
        )
