"""The nouns of the benchmark: datasets, episodes, learners, protocols, results.

Everything else in the package speaks in these. This file imports nothing of
ours, holds no algorithm and does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import numpy as np

PyTree: TypeAlias = Any
ImageShape: TypeAlias = tuple[int, int, int]  # height, width, channels


class Split(NamedTuple):
    """Which classes are met in meta-training, validation and test.

    A character drawn in another orientation counts as another class when
    `rotations` is 4: each named class then stands for four, turned by 0, 90,
    180 and 270 degrees.
    """

    name: str
    parts: Mapping[str, tuple[str, ...]]  # "train", "val", "test" -> class names
    rotations: int  # 1 or 4
    digest: str  # sha256 over the canonical text of the class lists


class Dataset(NamedTuple):
    """A prepared dataset on the host: dense uint8 arrays, usually memory-mapped."""

    name: str
    images: np.ndarray  # uint8 [images, height, width, channels]; ink is 255
    labels: np.ndarray  # int32 [images], index into `class_names`, ascending
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]
    default_split: str
    digest: str  # sha256 over pixels, labels and class names
    source: str  # one phrase: where the pixels came from
    fixed_episodes: bool = False  # each alphabet is one given episode (`metabench.trials`)


class Indices(NamedTuple):
    """An episode as indices into a class table, int32. Batches carry a leading axis."""

    classes: jax.Array  # [way] rows of `table.members`
    support: jax.Array  # [way * shot] rows of `table.images`
    support_y: jax.Array
    query: jax.Array  # [way * query]
    query_y: jax.Array


class Pools(NamedTuple):
    """Groups of classes; those of one episode all come from one of them."""

    members: jax.Array  # int32 [pools, most classes]; rows of a class table, then padding
    counts: jax.Array  # int32 [pools]; how many entries of the row are real


class ClassTable(NamedTuple):
    """What episodes are drawn from, on the device: one part of one split.

    Rotated classes have images of their own here, so that sampling is a gather.
    """

    images: jax.Array  # uint8 [images, height, width, channels]
    members: jax.Array  # int32 [classes, most examples]; row c: image indices, then padding
    counts: jax.Array  # int32 [classes]; how many entries of the row are real
    class_ids: jax.Array  # int32 [classes]; numbers that are unique over the whole dataset
    pools: Pools | None = None  # None: the classes of an episode are any
    fixed: Indices | None = None  # episodes that are given, not drawn, along a leading axis


@dataclass(frozen=True)
class EpisodeShape:
    """N-way k-shot: `way` classes, `shot` support and `query` query images of each."""

    way: int
    shot: int
    query: int
    image: ImageShape = (28, 28, 1)

    @property
    def supports(self) -> int:
        """Support images in an episode."""
        return self.way * self.shot

    @property
    def queries(self) -> int:
        """Query images in an episode."""
        return self.way * self.query


Labels: TypeAlias = Literal["onehot", "letters"]


@dataclass(frozen=True)
class StreamShape:
    """The online protocol: `way` classes, each met `presentations` times in random order."""

    way: int
    presentations: int
    image: ImageShape = (20, 20, 1)
    labels: Labels = "onehot"

    @property
    def steps(self) -> int:
        """Images in a stream."""
        return self.way * self.presentations

    @property
    def queries(self) -> int:
        """Images that are answered: all of them."""
        return self.steps


@dataclass(frozen=True)
class ImagesShape:
    """Training without labels: `number` images, drawn from all there are, of whatever class."""

    number: int
    image: ImageShape = (28, 28, 1)


@dataclass(frozen=True)
class FunctionShape:
    """Regression: a function of `dimensions` inputs, met at `points` one after another."""

    dimensions: int = 1
    points: int = 40  # steps of a sequence


ImageTaskShape: TypeAlias = EpisodeShape | StreamShape  # what is tested on images
TrainShape: TypeAlias = ImageTaskShape | ImagesShape  # drawn from a class table
TaskShape: TypeAlias = ImageTaskShape | FunctionShape  # what is tested


class Function(NamedTuple):
    """One function as a stream of points; y of step t is shown at step t + 1.

    Batches of functions carry a leading axis on every leaf.
    """

    xs: jax.Array  # float32 [steps, dimensions], in [-1, 1]
    ys: jax.Array  # float32 [steps], noise included
    kernel: PyTree  # that it was drawn with: a `gaussian_process.Kernel`


class Forecast(NamedTuple):
    """A Gaussian for each step, given the steps before it."""

    mean: jax.Array  # [steps]
    deviation: jax.Array  # [steps], positive


class Stream(NamedTuple):
    """One stream of images; the label of step t is shown at step t + 1.

    Batches of streams carry a leading axis on every leaf.
    """

    xs: jax.Array  # uint8 [steps, height, width, channels]
    ys: jax.Array  # int32 [steps], 0 … way - 1
    turns: jax.Array  # int32 [steps]; how often the class of this step was met before it
    codes: jax.Array  # float32 [way, outputs]; what stands for each label in this stream
    class_ids: jax.Array  # int32 [way]; the global class behind label j


class Episode(NamedTuple):
    """One few-shot problem. Batches of episodes carry a leading axis on every leaf."""

    support_x: jax.Array  # uint8 [way * shot, height, width, channels]
    support_y: jax.Array  # int32 [way * shot], 0 … way - 1
    query_x: jax.Array  # uint8 [way * query, height, width, channels]
    query_y: jax.Array  # int32 [way * query]
    class_ids: jax.Array  # int32 [way]; the global class behind label j


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


@dataclass(frozen=True)
class Protocol:
    """What is measured: never edited once it has results, only superseded by a new version."""

    dataset: str
    split: str
    way: int
    shot: int
    query: int
    episodes: int
    image_size: int
    part: str = "test"
    seed: int = 0
    within_alphabet: bool = False  # the classes of an episode come from one alphabet
    trained_on: str | None = None  # "dataset/split" of meta-training, where it is another one
    version: int = 2  # 1 was drawn by a sampler that is gone
    dataset_digest: str | None = None  # golden, where the protocol is frozen
    episode_digest: str | None = None
    labels: Labels | None = None
    """Of the online protocol, which is told by it: `shot` is then 0, and `query` counts the
    presentations of a class, all of which are answered."""

    @property
    def id(self) -> str:
        """For example `omniglot-vinyals-5way-1shot-v2`.

        Every departure from 15 queries, 1,000 episodes, size 28, test classes, seed 0,
        classes of any alphabet and meta-training on the same split is spelled out in it.
        """
        parts = [self.dataset, self.split, f"{self.way}way"]
        online = self.labels is not None
        parts += [f"online{self.query}"] if online else [f"{self.shot}shot"]
        if self.labels not in (None, "onehot"):
            parts.append(str(self.labels))
        departures = (
            (self.query, self.query if online else 15, "query"),
            (self.episodes, 1000, "episodes"),
            (self.image_size, 28, "px"),
            (self.seed, 0, "seed"),
        )
        parts += [f"{value}{unit}" for value, usual, unit in departures if value != usual]
        if self.part != "test":
            parts.append(self.part)
        if self.within_alphabet:
            parts.append("within")
        if self.trained_on is not None:
            parts.append("after-" + self.trained_on.replace("/", "-"))
        return "-".join([*parts, f"v{self.version}"])


@dataclass(frozen=True)
class SeedRun:
    """One training seed, evaluated on every episode of the protocol."""

    seed: int
    accuracy: float  # mean over episodes, in [0, 1]
    ci95: float  # half-width of the 95 % interval over episodes
    correct: tuple[int, ...]  # correct queries in each episode
    validation_accuracy: float | None = None
    train_steps: int = 0
    best_step: int = 0
    cost: Mapping[str, float] = field(default_factory=dict)
    by_presentation: tuple[tuple[int, ...], ...] | None = None
    """Online protocol: right answers at the 1st, 2nd, … meeting of a class, in each episode."""


@dataclass(frozen=True)
class Result:
    """Everything that a leaderboard row rests on."""

    learner: str
    learner_version: str
    hyperparameters: Mapping[str, Any]
    recipe: Mapping[str, Any]
    parameter_count: int
    transductive: bool
    protocol: Protocol
    dataset_digest: str
    dataset_source: str
    split_digest: str
    episode_digest: str
    runs: tuple[SeedRun, ...]
    environment: Mapping[str, Any]
    command: str
    created: str  # ISO 8601, UTC
    training_digest: str | None = None  # of the dataset of meta-training, where it is another
