"""The learner contract: what a factory returns, and all that the rest of the package sees of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax

from metabench.types import ClassTable, Forecast, PyTree, TrainShape

Metrics: TypeAlias = dict[str, jax.Array]


class Learner(NamedTuple):
    """A few-shot learner: pure functions over pytrees, made by a keyword factory.

    A factory takes the shape of the test's tasks (an `EpisodeShape`, or a `StreamShape` where the
    learner has a `stream`, or a `FunctionShape` where it has a `forecast`) and keyword
    hyperparameters and returns one of these. The training loop, the evaluator, checkpoints,
    leaderboards and the conformance suite see nothing else.
    """

    init: Callable[[jax.Array], PyTree]
    """`init(key) -> state`: parameters, optimizer state, statistics."""
    adapt: Callable[[PyTree, jax.Array, jax.Array, jax.Array], PyTree]
    """`adapt(state, support_x, support_y, key) -> task`: what is kept of a support set."""
    predict: Callable[[PyTree, jax.Array], Any]
    """`predict(task, query_x) -> logits [queries, way]`; of functions a `Forecast` [queries]."""
    train: Callable[[PyTree, Any, jax.Array], tuple[PyTree, Metrics]] | None = None
    """`train(state, tasks, key) -> (state, metrics)`: one step on a batch of the tasks that
    `train_shape` tells (`Episode`, `Stream` or `Function`; of an `ImagesShape` uint8
    [batch, number, height, width, channels]); metrics hold a scalar `loss`. None where there is
    no meta-training."""
    parameters: Callable[[PyTree], PyTree] | None = None
    """`parameters(state)`: the learned arrays, for counting. None: it has none."""
    train_shape: TrainShape | None = None
    """Shape and kind of the tasks met in meta-training, where they differ from the test's."""
    batch: int = 1
    """Tasks in a training step where neither a recipe nor the user says how many."""
    apart: bool = False
    """Whether `train` takes them by `over_episodes`: then they are spread over the devices."""
    transductive: bool = False
    """Whether a prediction for one query may depend on the other queries."""
    stream: Callable[[PyTree, jax.Array, jax.Array, jax.Array], jax.Array] | None = None
    """`stream(state, xs, labels, key) -> logits [steps, outputs]`: the online protocol on one
    stream; `labels` [steps, outputs] holds at each step the code of the step *before*. None
    where a learner has no part in it."""
    forecast: Callable[[PyTree, jax.Array, jax.Array, jax.Array], Forecast] | None = None
    """`forecast(state, xs, before, key) -> Forecast`: regression on one function; `before` [steps]
    holds at each step the y of the step *before*. Of a learner built for a `FunctionShape`."""
    trace: Callable[[PyTree, jax.Array, jax.Array, jax.Array], dict[str, jax.Array]] | None = None
    """`trace(state, support_x, support_y, key) -> {name: [inner steps, any number]}`: what
    happens within `adapt`, for a picture."""
    embed: Callable[[PyTree, jax.Array], jax.Array] | None = None
    """`embed(state, images) -> [n, features]`: what others may build on, of images uint8
    [n, height, width, channels]."""
    source: Source | None = None
    """The learner that is trained first, on whose embedding this one builds."""
    build_on: Callable[[PyTree, PyTree, jax.Array, jax.Array], PyTree] | None = None
    """`build_on(state, source state, images, key) -> state`, on the host, once after `init`: what
    is kept of the trained source and of all training images, which come without labels."""
    relabel: Callable[[PyTree, jax.Array, jax.Array], ClassTable] | None = None
    """`relabel(source state, images, key) -> class table`, on the host, once before
    meta-training: constructed classes in place of the true ones, which it is not shown."""


class Source(NamedTuple):
    """A learner by its registered name and settings: enough to train it by its own recipe."""

    name: str
    settings: Mapping[str, Any]
    learner: Learner  # with `embed`


LearnerFactory: TypeAlias = Callable[..., Learner]


TEST_ONLY = "test only"
"""`option: Annotated[int, TEST_ONLY] = 1` of a factory: one training serves all its values, and
validation takes the default."""
