"""Images of one's own, classified by a trained learner from a few examples of each class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench import data, registry
from metabench.contracts.learner import EpisodeLearner
from metabench.data.colours import in_grey, in_rgb
from metabench.datasets.folder.images import decoded
from metabench.datasets.folder.loose import loose
from metabench.errors import UserError
from metabench.scoring.answers import checked_scores
from metabench.seeds import pinned, root_key
from metabench.tracks.fewshot.plan import Plan
from metabench.tracks.fewshot.replan import state_of
from metabench.types import Dataset, PyTree

AT_ONCE = 256  # queries


class Examples(NamedTuple):
    """The supports: images of each class, not equally many where the folder has not."""

    classes: tuple[str, ...]
    images: np.ndarray  # uint8 [classes * shot, height, width, channels]
    labels: np.ndarray  # int32 [classes * shot]
    left_out: int  # images of large classes, beyond what episodes may have

    @property
    def shot(self) -> int:
        """Images of each class, in the mean."""
        return len(self.labels) // len(self.classes)

    @property
    def counts(self) -> tuple[int, ...]:
        """Images of each class."""
        return tuple(np.bincount(self.labels, minlength=len(self.classes)).tolist())

    @property
    def told(self) -> str:
        """What they are, for a person."""
        least, most = min(self.counts), max(self.counts)
        each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        rest = f"; {self.left_out:,} more of larger classes are left out" if self.left_out else ""
        return f"{each} of each of {len(self.classes):,} classes{rest}"


class Predictions(NamedTuple):
    """What a learner says of each image."""

    classes: tuple[str, ...]
    names: tuple[str, ...]  # of the query files
    probabilities: np.ndarray  # [queries, classes]; rows sum to 1
    images: np.ndarray  # uint8 [queries, height, width, channels], as the learner saw them

    @property
    def answers(self) -> list[str]:
        """The most probable class of each image."""
        return [self.classes[best] for best in self.probabilities.argmax(1)]


def examples(
    folder: Path, size: int, channels: int, cache: Path | None = None, *, even: bool = False
) -> Examples:
    """The supports in `folder`, laid out as `class/image`; two classes or more.

    Of large classes, the first images by name are taken.

    Args:
      folder: of the images.
      size: pixels of a side.
      channels: 1 or 3.
      cache: folder of prepared data.
      even: take as many of each class as the smallest has; else as many as `shares` says.

    Raises:
      UserError: another layout, or an image that cannot be read.
    """
    if not folder.is_dir():
        raise UserError(
            f"`support` is {folder}, which is not a folder; name one with a folder of images for "
            "each class"
        )
    spec = registry.dataset(f"folder:{folder}", tested=True)
    held = _in(channels, data.load_or_prepare(spec, size, cache=cache, progress=False))
    labels = np.asarray(held.labels)
    places = [np.flatnonzero(labels == label) for label in range(len(held.class_names))]
    there = [len(some) for some in places]
    numbers = [min(there)] * len(there) if even else shares(there)
    taken = np.concatenate([some[:n] for some, n in zip(places, numbers, strict=True)])
    # In no order of classes, as in the episodes of the training.
    taken = taken[np.random.default_rng(0).permutation(len(taken))]
    return Examples(
        tuple(held.class_names),
        np.asarray(held.images[taken]),
        labels[taken].astype(np.int32),
        len(labels) - len(taken),
    )


def shares(there: Sequence[int]) -> list[int]:
    """How many images of each class make an uneven episode, as many as there can be in all.

    All together are a whole multiple of the classes, and each class has fewer than twice the mean:
    that is what episodes are (`metabench.tasks.uneven`).
    """
    for shot in range(max(there), 0, -1):
        numbers = [min(one, 2 * shot - 1) for one in there]
        spare = sum(numbers) - shot * len(there)
        if spare >= 0:
            break
    for _ in range(spare):
        numbers[numbers.index(max(numbers))] -= 1
    return numbers


def _in(channels: int, held: Dataset) -> Dataset:
    return in_grey(held) if channels == 1 else in_rgb(held)


def predict(
    plan: Plan, support: Examples, query: Path, note: Callable[[str], None] = lambda text: None
) -> Predictions:
    """Adapt the first seed's training of `plan` to the supports, and classify the queries.

    Args:
      plan: of the training, for episodes of as many ways and shots as `support` has.
      support: from `examples`, of the size and channels that were trained on.
      query: folder of images, or of folders with images.
      note: told what a person should know.

    Raises:
      UserError: a learner of another kind, no training, images that cannot be read, or scores
        that are no numbers.
    """
    learner = plan.learner
    if not isinstance(learner, EpisodeLearner):
        raise UserError(f"learner `{plan.entry.name}` takes no k-shot episodes; take one that does")
    files = loose(query)
    size, channels = support.images.shape[1], support.images.shape[3]
    images = np.stack([image for _, image in decoded(files, size, channels, note)])
    state, key = _state(plan), root_key(0)
    with pinned(), jax.default_matmul_precision("float32"):
        task = jax.jit(learner.adapt)(state, support.images, support.labels, key)
        answer = jax.jit(partial(_probabilities, learner, len(support.classes)))
        # A learner that declares itself transductive sees all queries at once.
        step = len(images) if learner.transductive else AT_ONCE
        found = [
            np.asarray(answer(task, images[first : first + step]))
            for first in range(0, len(images), step)
        ]
    probabilities = np.concatenate(found)
    if not np.isfinite(probabilities).all():
        raise UserError(f"learner `{plan.entry.name}` answers with scores that are no numbers")
    return Predictions(support.classes, tuple(name for name, _ in files), probabilities, images)


def _state(plan: Plan) -> PyTree:
    """Of the first seed: trained, or of a learner that needs no training or builds on another."""
    below = plan if plan.source is None or plan.learner.training is not None else plan.source
    if below.learner.training is not None and not below.folder.is_dir():
        raise UserError(
            f"the training behind the result is not here: there is no {below.folder}; name the "
            "folder of its checkpoints with `run-dir`"
        )
    return state_of(plan, plan.seeds[0])


def _probabilities(learner: EpisodeLearner, way: int, task: object, images: jax.Array) -> jax.Array:
    scores = checked_scores(
        learner.predict(task, images), "predict", ("queries", "way"), len(images), way
    )
    return jax.nn.softmax(jnp.asarray(scores, jnp.float32), axis=-1)
