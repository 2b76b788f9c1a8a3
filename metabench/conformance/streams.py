"""What a learner of the online protocol must do."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.conformance.built import one
from metabench.conformance.check import arrays_alone, named, require
from metabench.conformance.comparing import distance, form
from metabench.conformance.subject import Subject
from metabench.conformance.training import require_learning, trained_one
from metabench.seeds import root_key
from metabench.tasks.streams import shown
from metabench.types import StreamShape


def check_stream_contract(subject: Subject) -> None:
    """Shapes, dtypes and pytrees are as in the contract; logits are finite."""
    built, key = subject.streams, root_key(0)
    stream = one(built.tasks())
    wanted = [stream.xs.shape[0], stream.codes.shape[1]]
    with arrays_alone("the state must be a pytree of arrays that passes through `jax.jit`"):
        state = built.init.eval_shape(key)
        found = jax.eval_shape(built.learner.answer, state, stream.xs, shown(stream), key)
    require(
        list(getattr(found, "shape", ())) == wanted and jnp.issubdtype(found.dtype, jnp.floating),
        f"`answer` must return floating logits {wanted}, not {form(found)}",
    )
    finite = jnp.isfinite(built.answer(built.initial, stream, key)).all()
    require(bool(finite), "`answer` must return finite logits; some are not a number or infinite")


def check_stream_training(subject: Subject) -> None:
    """The training step keeps the form of the state, and training changes the learned arrays."""
    built = trained_one(subject.streams)
    built.require_step()
    require_learning(built)


def check_stream_causal(subject: Subject) -> None:
    """A stream's answers do not depend on what comes later."""
    built = subject.streams
    assert isinstance(built.shape, StreamShape)
    mine, theirs = one(built.tasks(), 0), one(built.tasks(), 1)
    early, state, key = built.shape.steps // 2, built.trained.state, root_key(5)
    # The label of step t is shown at t + 1: these are of later steps, and of the last early one.
    changed = mine._replace(
        xs=jnp.concatenate([mine.xs[:early], theirs.xs[early:]]),
        ys=jnp.concatenate([mine.ys[: early - 1], theirs.ys[early - 1 :]]),
    )
    before, after = (built.answer(state, each, key) for each in (mine, changed))
    require(
        before.shape == (built.shape.steps, built.shape.way) and bool(jnp.isfinite(before).all()),
        f"`answer` must return finite logits {[built.shape.steps, built.shape.way]}; their shape "
        f"is {list(before.shape)}",
    )
    apart = distance(after[:early], before[:early])
    require(
        apart <= 1,
        "the answers to a stream must not depend on later images and labels, but differ by "
        f"{apart:.3g} times what rounding explains",
    )


STREAM_CHECKS = named(check_stream_contract, check_stream_training, check_stream_causal)
