"""What a learner with a `trace` must do: the numbers of its inner steps are drawn."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.conformance.built import one
from metabench.conformance.check import Skipped, named, require
from metabench.conformance.subject import Subject
from metabench.seeds import root_key


def check_trace(subject: Subject) -> None:
    """`trace` tells finite numbers of every inner step."""
    built = subject.episodes
    if built.learner.trace is None:
        raise Skipped("has no `trace`")
    episode = one(built.tasks())
    trace, state = jax.jit(built.learner.trace), built.trained.state
    found = trace(state, episode.support_x, episode.support_y, root_key(5))
    shapes = {name: list(values.shape) for name, values in found.items()}
    same = {shape[0] for shape in shapes.values() if len(shape) == 2}
    finite = all(bool(jnp.isfinite(values).all()) for values in found.values())
    require(
        finite and len(same) == 1 and all(len(shape) == 2 for shape in shapes.values()),
        "`trace` must return finite arrays [inner steps, any number] by name; their shapes are "
        f"{shapes}",
    )


TRACE_CHECKS = named(check_trace)
