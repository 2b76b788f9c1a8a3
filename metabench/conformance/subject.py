"""A learner under examination: small episodes to meet, compiled once for all checks.

The checks themselves are in `learners.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metabench import registry
from metabench.contracts.learner import Learner, LearnerFactory
from metabench.datasets.strokes import dataset as strokes
from metabench.seeds import root_key
from metabench.tasks.class_table import check_fits
from metabench.tasks.kinds import sample_tasks
from metabench.training.start import beginning
from metabench.types import ClassTable, Episode, EpisodeShape, FunctionShape, PyTree, TrainShape

SHAPE = EpisodeShape(way=5, shot=1, query=5)
STEPS, BATCH, EPISODES = 60, 4, 128
# Settings that make a learner quick, where it has them.
SMALL = {
    "width": 8,
    "steps": STEPS,
    "points": 32,
    "clusters": 60,
    "partitions": 3,
    "base_settings": {"width": 8},
    "embedding_settings": {"code": 32},
}
ALPHABETS = {"train": 6, "val": 2, "test": 4}  # of 16 characters


class ConformanceError(AssertionError):
    """A plug-in breaks its contract. The text says what was expected and what was seen."""


def require(holds: bool | np.bool_, sentence: str) -> None:
    """Raise `ConformanceError` with `sentence` unless `holds`."""
    if not holds:
        raise ConformanceError(sentence)


def strokes_tables(image: tuple[int, int, int] = (28, 28, 1)) -> dict[str, ClassTable]:
    """Small class tables of procedural drawings: "train", "val" and "test"."""
    height, width, channels = image
    number = sum(ALPHABETS.values())
    drawn = strokes.examples(max(height, width), alphabets=number)
    pixels = np.stack([picture[:height, :width] for _, picture in drawn]).repeat(channels, axis=-1)
    tables, first = {}, 0
    for part, alphabets in ALPHABETS.items():
        classes = np.arange(first, first + alphabets * strokes.CHARACTERS)
        size = len(classes) * strokes.DRAWINGS
        start = first * strokes.DRAWINGS
        tables[part] = ClassTable(
            images=jnp.asarray(pixels[start : start + size]),
            members=jnp.arange(size, dtype=jnp.int32).reshape(len(classes), -1),
            counts=jnp.full(len(classes), strokes.DRAWINGS, jnp.int32),
            class_ids=jnp.asarray(classes, jnp.int32),
        )
        first += len(classes)
    return tables


def small_settings(name: str) -> dict[str, Any]:
    """Settings that make the registered learner `name` quick, as far as it has the options."""
    return {option: SMALL[option] for option in registry.options(name) if option in SMALL}


class Training(NamedTuple):
    """What a short meta-training ended in; without `train`, the first state and no losses."""

    state: PyTree
    losses: np.ndarray  # [steps]


class Subject:
    """A learner under examination, and what the checks share.

    That is class tables, compiled functions and a short training.
    """

    def __init__(
        self,
        learner: str | LearnerFactory,
        *,
        shape: EpisodeShape = SHAPE,
        settings: Mapping[str, Any] | None = None,
        tables: Mapping[str, ClassTable] | None = None,
    ) -> None:
        """A registered name (by default with `small_settings`) or a factory."""
        if isinstance(learner, str):
            settings = small_settings(learner) if settings is None else settings
            self.build = partial(registry.build_learner, learner, settings=settings)
        else:
            self.build = partial(learner, **(settings or {}))
        self.shape = shape
        self.takes_functions = registry.takes(learner, FunctionShape)
        self.learner: Learner = self.build(shape)
        self.train_shape = self.learner.train_shape or shape
        self._given = tables or strokes_tables(shape.image)
        self.tables = dict(self._given)
        self._start, self.tables["train"] = beginning(
            self.learner,
            _source_state(self.learner, self.tables),
            self.tables["train"],
            self.train_shape,
            0,
        )
        check_fits(self.tables["train"], self.train_shape, "the training drawings")
        self.traces: Counter[str] = Counter()
        self.init = jax.jit(self.learner.init)
        self.train = jax.jit(self._counted("train", self.learner.train))
        self.answer = jax.jit(self._counted("adapt and predict", partial(logits, self.learner)))
        self.answers = jax.jit(jax.vmap(partial(logits, self.learner), (None, 0, 0)))

    def _counted(self, name: str, function: Callable[..., Any] | None) -> Callable[..., Any]:
        def traced(*inputs: PyTree) -> PyTree:
            assert function is not None
            self.traces[name] += 1
            return function(*inputs)

        return traced

    def again(self) -> Subject:
        """The same learner, built and compiled afresh."""
        return Subject(self.build, shape=self.shape, tables=self._given)

    def episodes(self, part: str = "test", number: int = EPISODES, first: int = 0) -> Any:
        """Episodes `first` … of the part: tasks of the training shape for "train"."""
        shape = self.train_shape if part == "train" else self.shape
        return draw(self.tables[part], shape, number, jnp.int32(first))

    @cached_property
    def initial(self) -> PyTree:
        """The state before training."""
        return self._start(self.init(root_key(0)))

    @cached_property
    def trained(self) -> Training:
        """The state after a short training."""
        state, losses = self.initial, []
        for step in range(STEPS if self.learner.train else 0):
            episodes = self.episodes("train", BATCH, step * BATCH)
            state, metrics = self.train(state, episodes, jax.random.fold_in(root_key(1), step))
            losses.append(metrics["loss"])
            self.require_one_trace("train")
        return Training(state, np.array([float(loss) for loss in losses]))

    def require_one_trace(self, name: str) -> None:
        """Of a function that was handed inputs of equal shapes only."""
        require(
            self.traces[name] <= 1,
            f"`{name}` was traced {self.traces[name]} times for inputs of equal shape, expected "
            "once: keep structure, shapes, dtypes and weak types of the state as `init` made them",
        )

    def accuracies(self, episodes: Episode) -> np.ndarray:
        """Of the trained learner in each of `episodes`, as fractions."""
        found = self.answers(self.trained.state, episodes, keys(EPISODES)).argmax(-1)
        return np.asarray((found == episodes.query_y).mean(-1))


def _source_state(learner: Learner, tables: Mapping[str, ClassTable]) -> PyTree:
    """The state of what `learner` builds on, after a short training; None where it has none."""
    if learner.source is None:
        return None
    height, width, channels = tables["train"].images.shape[1:]
    built, shape = learner.source.learner, replace(SHAPE, image=(height, width, channels))
    return Subject(lambda shape: built, shape=shape, tables=tables).trained.state


@partial(jax.jit, static_argnames=("shape", "number"))
def draw(table: ClassTable, shape: TrainShape, number: int, first: jax.Array) -> Any:
    """`number` tasks from index `first` on, of the kind that `shape` tells."""
    return sample_tasks(root_key(2), first + jnp.arange(number), table, shape)


def keys(number: int) -> jax.Array:
    """One key for each episode."""
    return jax.random.split(root_key(3), number)


def one(episodes: Any, index: int = 0) -> Any:
    """Episode `index` of a batch."""
    return jax.tree.map(lambda leaf: leaf[index], episodes)


def logits(learner: Learner, state: PyTree, episode: Episode, key: jax.Array) -> jax.Array:
    """Adapt to the support set of `episode` and predict its queries: [queries, way]."""
    task = learner.adapt(state, episode.support_x, episode.support_y, key)
    return learner.predict(task, episode.query_x)
