"""A learner built for tasks of one shape, compiled once for all of its checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from metabench.conformance.check import Skipped, once, require
from metabench.conformance.comparing import form, same_form
from metabench.conformance.drawings import strokes_tables, strokes_training
from metabench.contracts.learner import (
    EpisodeLearner,
    Forecaster,
    Learner,
    Metrics,
    Source,
    StreamLearner,
    foundation_of,
    train_shape,
)
from metabench.seeds import root_key
from metabench.tasks.class_table import check_fits
from metabench.tasks.detail import detail_of
from metabench.tasks.functions import shown_values
from metabench.tasks.kinds import sample_tasks
from metabench.tasks.streams import shown
from metabench.training.start import Start, start_from
from metabench.types import (
    ClassTable,
    Episode,
    EpisodeShape,
    FunctionShape,
    ImageShape,
    PyTree,
    TaskShape,
    TrainShape,
)

L = TypeVar("L", bound=Learner)
SHAPE = EpisodeShape(way=5, shot=1, query=5)
STEPS, BATCH, TASKS = 60, 4, 128
SETTLING = 8  # batches
ANSWERING = (
    (EpisodeLearner, "`adapt` and `predict`"),
    (StreamLearner, "`answer`"),
    (Forecaster, "`forecast`"),
)


class ShortTraining(NamedTuple):
    """What a short meta-training ended in; without `training`, the first state and no losses."""

    state: PyTree
    losses: np.ndarray  # [steps]


class Built(Generic[L]):
    """A learner built for tasks of one shape, and what the checks share.

    These are its compiled functions, a first state and a short training. Nothing is compiled
    before a check asks for it.
    """

    def __init__(self, learner: L, shape: TaskShape, sources: dict[str, PyTree]) -> None:
        """`sources` holds the trained states of what learners build on, and is added to."""
        self.learner, self.shape, self._sources = learner, shape, sources
        self.train_shape = train_shape(learner, shape)
        self.answering = next(name for kind, name in ANSWERING if isinstance(learner, kind))
        self.traces: Counter[str] = Counter()
        self.init = jax.jit(learner.init)
        self.answer = jax.jit(self._counted(self.answering, partial(answer, learner)))
        self.answers = jax.jit(jax.vmap(partial(answer, learner), (None, 0, 0)))

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def traced(*inputs: PyTree) -> PyTree:
            self.traces[name] += 1
            return function(*inputs)

        return traced

    def tasks(self, number: int = TASKS, first: int = 0) -> Any:
        """Tasks `first` … of the test, with a leading axis."""
        return draw(self._tables.get("test"), self.shape, number, jnp.int32(first))

    def training_tasks(self, first: int = 0) -> Any:
        """A batch of the training tasks, from number `first` on."""
        table = None if self.start is None else self.start.table
        return draw(table, self.train_shape, BATCH, jnp.int32(first))

    @once
    def _tables(self) -> dict[str, ClassTable]:
        """What tasks are drawn from. Functions are drawn from no table."""
        return {} if isinstance(self.shape, FunctionShape) else strokes_tables(self.shape.image)

    @once
    def start(self) -> Start | None:
        """What is made of the first state, and the training classes. Functions have none."""
        if isinstance(self.shape, FunctionShape) or isinstance(self.train_shape, FunctionShape):
            return None
        foundation = foundation_of(self.learner)
        drawn = self.shape.image if foundation is not None else self.train_shape.image
        table = strokes_training(self.shape.image, detail_of(drawn, self.shape.image))
        source = None
        if foundation is not None:
            source = source_state(foundation.source, self.shape.image, self._sources)
        start = start_from(foundation, source, table, self.train_shape, 0)
        check_fits(start.table, self.train_shape, "the training drawings")
        return start

    @once
    def initial(self) -> PyTree:
        """The state before training."""
        state = self.init(root_key(0))
        return state if self.start is None else self.start.state(state)

    @once
    def train(self) -> Any:
        """The compiled training step."""
        if self.learner.training is None:
            raise Skipped("is not trained: its `training` is None")
        return jax.jit(self._counted("`training.step`", self.learner.training.step))

    @once
    def embed(self) -> Any:
        """The compiled `embed`."""
        embed = getattr(self.learner, "embed", None)
        if embed is None:
            raise Skipped("has no `embed`")
        return jax.jit(embed)

    @once
    def trained(self) -> ShortTraining:
        """The state after a short training."""
        state, losses = self.initial, []
        if self.learner.training is not None:
            self.require_step()
        for step in range(STEPS if self.learner.training else 0):
            tasks, key = self.training_tasks(step * BATCH), jax.random.fold_in(root_key(1), step)
            after, metrics = self.train(state, tasks, key)
            require_form(state, after, metrics)
            state = after
            losses.append(metrics["loss"])
        state = self._settled(state)
        return ShortTraining(state, np.array([float(loss) for loss in losses]))

    def _settled(self, state: PyTree) -> PyTree:
        """`state` after `Training.settle`, as far as the learner has one."""
        if self.learner.training is None or self.learner.training.settle is None:
            return state
        settle = jax.jit(self.learner.training.settle)
        for number in range(SETTLING):
            tasks, key = (
                self.training_tasks(number * BATCH),
                jax.random.fold_in(root_key(4), number),
            )
            after = settle(state, tasks, key, jnp.int32(number))
            require(
                same_form(after, state),
                f"`training.settle` must keep the form of the state, {form(state)}, not make "
                f"{form(after)}",
            )
            state = after
        return state

    @once
    def answered(self) -> Any:
        """What the trained learner answers to all test tasks, under `jax.vmap`."""
        return self.answers(self.trained.state, self.tasks(), keys(TASKS))

    def require_step(self) -> None:
        """The training step keeps the form of the state; nothing is computed."""
        found = self.train.eval_shape(self.initial, self.training_tasks(), root_key(1))
        require_form(self.initial, *found)

    def require_one_trace(self, name: str) -> None:
        """Require one trace of a function that got only inputs of equal shapes."""
        require(
            self.traces[name] <= 1,
            f"JAX must trace {name} once for inputs of equal shape, but traced it "
            f"{self.traces[name]} times: keep structure, shapes, dtypes and weak types of the "
            "state as `init` made them",
        )


def require_form(before: PyTree, after: PyTree, metrics: Metrics) -> None:
    """What a training step returns has the form of the state, and a scalar loss."""
    require(
        same_form(after, before),
        f"`training.step` must keep the form of the state, {form(before)}, not make {form(after)}",
    )
    loss = metrics.get("loss")
    require(
        loss is not None and loss.shape == () and jnp.issubdtype(loss.dtype, jnp.floating),
        "the metrics of `training.step` must hold a floating scalar `loss`, not "
        f"{form(dict(metrics))}",
    )


def source_state(source: Source, image: ImageShape, sources: dict[str, PyTree]) -> PyTree:
    """The state of a source after a short training, which is done once for all who build on it."""
    key = f"{source.name} {dict(source.settings)!r} {image}"
    if key not in sources:
        built = Built(source.learner, replace(SHAPE, image=image), sources)
        sources[key] = built.trained.state
    return sources[key]


def answer(learner: Learner, state: PyTree, task: Any, key: jax.Array) -> PyTree:
    """What a learner answers to one task.

    Logits of an episode [queries, way] or a stream [steps, outputs], forecasts of a function.
    """
    if isinstance(learner, EpisodeLearner):
        return logits(learner, state, task, key)
    if isinstance(learner, StreamLearner):
        return learner.answer(state, task.xs, shown(task), key)
    return learner.forecast(state, task.xs, shown_values(task.ys), key)


def logits(learner: EpisodeLearner, state: PyTree, episode: Episode, key: jax.Array) -> jax.Array:
    """Adapt to the support set of `episode` and predict its queries: [queries, way]."""
    task = learner.adapt(state, episode.support_x, episode.support_y, key)
    return learner.predict(task, episode.query_x)


@partial(jax.jit, static_argnames=("shape", "number"))
def draw(
    table: ClassTable | None, shape: TaskShape | TrainShape, number: int, first: jax.Array
) -> Any:
    """`number` tasks from index `first`, of the kind given by `shape`."""
    return sample_tasks(root_key(2), first + jnp.arange(number), table, shape)


def keys(number: int) -> jax.Array:
    """One key for each task."""
    return jax.random.split(root_key(3), number)


def one(tasks: Any, index: int = 0) -> Any:
    """Task `index` of a batch."""
    return jax.tree.map(lambda leaf: leaf[index], tasks)
