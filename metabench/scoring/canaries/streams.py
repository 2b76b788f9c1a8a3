"""Canaries of the online protocol. Nothing is trained here.

The order of a stream is part of its protocol, and its images are answered one after another:
canaries of supports and queries do not apply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from metabench.contracts.learner import StreamLearner
from metabench.scoring.canaries.answering import Call, differ, random_of, seen_in_chunks
from metabench.scoring.canaries.canary import (
    Canary,
    Expected,
    Seen,
    at_chance,
    compared,
    percent,
    skipped,
)
from metabench.tasks.label_codes import groups
from metabench.types import ClassTable, PyTree, Stream, StreamShape

LEAKS = "the random key, and what is remembered of the test classes"
OF_FUTURE = "Answers must not depend on later images and labels: read them only up to their step"
OF_NAMES = (
    "The accuracy must not depend on which class has which label: look for what the learner knows "
    "of the test classes"
)
NOT_HERE: tuple[tuple[str, Expected, str], ...] = (
    ("reordered supports", "measured", "a stream has no support set, and its order is drawn"),
    ("reordered queries", "unchanged", "the order of a stream is part of the online protocol"),
    ("single query", "unchanged", "the images of a stream are answered one after another"),
    ("duplicated queries", "unchanged", "the images of a stream are answered one after another"),
    ("same image", "1", "a stream has no support set"),
)


class Answered(NamedTuple):
    """Streams as they were answered."""

    logits: np.ndarray  # [streams, steps, outputs]
    right: np.ndarray  # bool [streams, steps]

    def seen(self, changed: np.ndarray) -> Seen:
        """`changed` is bool [streams, any steps]."""
        return Seen(self.right.mean(-1), changed.mean(-1), np.isnan(self.logits).any((1, 2)))


def stream_canaries(
    learner: StreamLearner,
    state: PyTree,
    table: ClassTable,
    shape: StreamShape,
    *,
    test_seed: int,
    streams: int,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[Canary, ...]:
    """All canaries of a trained learner of streams; those that do not apply say why.

    Args:
      learner: what is examined.
      state: of the learner, trained.
      table: test classes.
      shape: of the streams.
      test_seed: of the family of test streams.
      streams: how many of them are taken, from the first on.
      seed: of what is shuffled.
      progress: called with the number of streams done.
    """
    run = jax.jit(jax.vmap(learner.answer, (None, 0, 0, 0)))

    def measure(tasks: Stream, keys: jax.Array, indices: np.ndarray, call: Call) -> dict[str, Seen]:
        def answered(xs: np.ndarray, labels: np.ndarray, ys: np.ndarray) -> Answered:
            logits = call(run, state, xs, labels, keys)
            return Answered(logits, _right(logits, _codes(tasks, ys), shape))

        return _measured(tasks, answered, [random_of(seed, int(index)) for index in indices], shape)

    found = seen_in_chunks(measure, table, shape, seed=test_seed, tasks=streams, progress=progress)
    return _judged(found, shape)


def _measured(
    tasks: Stream,
    answered: Callable[[np.ndarray, np.ndarray, np.ndarray], Answered],
    random: list[np.random.RandomState],
    shape: StreamShape,
) -> dict[str, Seen]:
    pixels, ys = np.asarray(tasks.xs), np.asarray(tasks.ys)
    shown, early = _shown(_codes(tasks, ys)), shape.steps // 2
    usual = answered(pixels, shown, ys)
    strange = np.stack([one.randint(shape.way, size=shape.steps) for one in random])
    shuffled = answered(pixels, _shown(_codes(tasks, strange)), ys)
    blank = answered(np.zeros_like(pixels), shown, ys)
    names = np.stack([one.permutation(shape.way) for one in random])
    renamed = np.take_along_axis(names, ys, 1)
    permuted = answered(pixels, _shown(_codes(tasks, renamed)), renamed)
    other = np.arange(shape.steps) >= early
    xs = np.where(other[None, :, None, None, None], np.roll(pixels, 1, 0), pixels)
    future = answered(xs, np.where(other[None, :, None], np.roll(shown, 1, 0), shown), ys)
    return {
        "usual": usual.seen(np.zeros_like(usual.right)),
        "shuffled labels": shuffled.seen(shuffled.right != usual.right),
        "blank images": blank.seen(blank.right != usual.right),
        "counted": Seen(_by_counting(ys, shape), *np.zeros((2, len(ys)))),
        "other future": future.seen(_changed(future, usual, early, shape)),
        "permuted classes": permuted.seen(_renamed(permuted, usual, names, shape)),
    }


def _judged(seen: dict[str, Seen], shape: StreamShape) -> tuple[Canary, ...]:
    even, exact = 1 / shape.way, shape.labels == "onehot"
    counted = float(seen["counted"].right.mean())
    told = f" at most, and {percent(even)} for one who does not count the labels shown"
    usual = seen["usual"]
    measured = (
        at_chance("shuffled labels", seen["shuffled labels"], even, LEAKS, exact=exact),
        at_chance("blank images", seen["blank images"], counted, LEAKS, exact=False, told=told),
        compared("other future", seen["other future"], usual, cause=OF_FUTURE, binding=True),
        compared(
            "permuted classes", seen["permuted classes"], usual,
            cause=OF_NAMES, binding=False, as_good=True,
        ),
    )  # fmt: skip
    return (*measured, *(skipped(name, wanted, why) for name, wanted, why in NOT_HERE))


def _codes(tasks: Stream, labels: np.ndarray) -> np.ndarray:
    """The codes of `labels` [streams, steps]: [streams, steps, outputs]."""
    return np.take_along_axis(tasks.codes, labels[:, :, None], 1)


def _shown(codes: np.ndarray) -> np.ndarray:
    """Each code one step later; the first step has zeros."""
    return np.concatenate([np.zeros_like(codes[:, :1]), codes[:, :-1]], 1)


def _right(logits: np.ndarray, wanted: np.ndarray, shape: StreamShape) -> np.ndarray:
    _, size = groups(shape.labels, shape.way)
    grouped = (*logits.shape[:-1], -1, size)
    same = logits.reshape(grouped).argmax(-1) == wanted.reshape(grouped).argmax(-1)
    return np.asarray(same.all(-1) & ~np.isnan(logits).any(-1))


def _changed(found: Answered, usual: Answered, early: int, shape: StreamShape) -> np.ndarray:
    """Whether the answers of the early steps differ: bool [streams, early]."""
    _, size = groups(shape.labels, shape.way)
    both = [each.logits[:, :early] for each in (found, usual)]
    one, other = (each.reshape(*each.shape[:-1], -1, size) for each in both)
    return np.asarray(differ(one, other).any(-1))


def _renamed(found: Answered, usual: Answered, names: np.ndarray, shape: StreamShape) -> np.ndarray:
    """Whether answers differ where label j is called `names[j]`: bool [streams, steps].

    Strings of letters have no outputs of their own: there, whether one answer alone is right.
    """
    if shape.labels != "onehot":
        return np.asarray(found.right != usual.right)
    before = np.argsort(names, 1)[:, None]  # the old name of each new one
    return differ(found.logits, np.take_along_axis(usual.logits, before, 2))


def _by_counting(ys: np.ndarray, shape: StreamShape) -> np.ndarray:
    """The share that is right for one who sees no image and counts the labels: [streams].

    Where every class comes equally often, those that came less often so far are more likely.
    """
    if shape.independent:
        return np.full(len(ys), 1 / shape.way)
    came = np.cumsum(np.eye(shape.way)[ys], 1) - np.eye(shape.way)[ys]  # before each step
    left = shape.presentations - came
    return np.asarray((left.max(-1) / left.sum(-1)).mean(-1))
