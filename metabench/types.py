"""The nouns of the benchmark: datasets, episodes, learners, protocols, results.

The rest of the package uses these types. This file imports nothing else of the
package, holds no algorithm and does no I/O. It imports JAX for type checkers
only, so that reading a result or asking for help does not wait for JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import jax
    import numpy as np

PyTree: TypeAlias = Any
ImageShape: TypeAlias = tuple[int, int, int]  # height, width, channels
Select: TypeAlias = Literal["best", "last"]
"""Which state of a training is taken: the best on the validation tasks, whose labels are used for
that, or the one after the last step."""


class Split(NamedTuple):
    """Which classes are used in meta-training, validation and test.

    If `rotations` is 4, a rotated character counts as another class: each named
    class then stands for four classes, rotated by 0, 90, 180 and 270 degrees.
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
    source: str  # a phrase that says where the pixels came from
    fixed_episodes: bool = False  # each alphabet is a given episode (`metabench.tasks.trials`)
    at: Callable[[int], Dataset] | None = None  # the same drawings at another size, in pixels


class Indices(NamedTuple):
    """An episode as indices into a class table, int32. Batches have a leading axis."""

    classes: jax.Array  # [way] rows of `table.members`
    support: jax.Array  # [way * shot] rows of `table.images`
    support_y: jax.Array
    query: jax.Array  # [way * query]
    query_y: jax.Array


class Pools(NamedTuple):
    """Groups of classes; all classes of an episode come from the same group."""

    members: jax.Array  # int32 [pools, most classes]; rows of a class table, then padding
    counts: jax.Array  # int32 [pools]; how many entries of the row are real


class ClassTable(NamedTuple):
    """What episodes are drawn from, on the device: one part of one split.

    Rotated classes have their own images here, so that sampling only gathers.
    """

    images: jax.Array  # uint8 [images, height, width, channels]
    members: jax.Array  # int32 [classes, most examples]; row c: image indices, then padding
    counts: jax.Array  # int32 [classes]; how many entries of the row are real
    class_ids: jax.Array  # int32 [classes]; numbers, each of one class of the dataset or the part
    pools: Pools | None = None  # None: the classes of an episode may be any
    fixed: Indices | None = None  # given episodes, which are not drawn, along a leading axis


@dataclass(frozen=True)
class EpisodeShape:
    """N-way k-shot: `way` classes, `shot` support and `query` query images of each.

    In an uneven episode, a class has so many on average: from `shot - shot_spread` to
    `shot + shot_spread` supports, and queries likewise. How many images all classes have together
    does not change.
    """

    way: int
    shot: int
    query: int
    image: ImageShape = (28, 28, 1)
    shot_spread: int = 0
    query_spread: int = 0

    @property
    def supports(self) -> int:
        """Support images in an episode."""
        return self.way * self.shot

    @property
    def queries(self) -> int:
        """Query images in an episode."""
        return self.way * self.query

    @property
    def uneven(self) -> bool:
        """Whether the classes of an episode may have unequal numbers of images."""
        return self.shot_spread > 0 or self.query_spread > 0

    @property
    def most(self) -> tuple[int, int]:
        """The most supports and the most queries that a class may have."""
        return self.shot + self.shot_spread, self.query + self.query_spread

    @property
    def even(self) -> EpisodeShape:
        """The same shape with equally many images of each class."""
        return replace(self, shot_spread=0, query_spread=0)


Labels: TypeAlias = Literal["onehot", "letters"]


@dataclass(frozen=True)
class StreamShape:
    """The online protocol: `way` classes, each shown `presentations` times in random order.

    Where the class of each step is drawn independently, a class comes so often on average.
    """

    way: int
    presentations: int
    image: ImageShape = (20, 20, 1)
    labels: Labels = "onehot"
    independent: bool = False

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
    """Training without labels: `number` images, drawn from all images of all classes."""

    number: int
    image: ImageShape = (28, 28, 1)


@dataclass(frozen=True)
class FunctionShape:
    """Forecasts: a function of `dimensions` inputs, met at `points` one after another."""

    dimensions: int = 1
    points: int = 40  # steps of a sequence


ImageTaskShape: TypeAlias = EpisodeShape | StreamShape  # what is tested on images
TrainShape: TypeAlias = ImageTaskShape | ImagesShape  # drawn from a class table
TaskShape: TypeAlias = ImageTaskShape | FunctionShape  # what is tested


class Function(NamedTuple):
    """One function as a stream of points; y of step t is shown at step t + 1.

    Batches of functions have a leading axis on every leaf.
    """

    xs: jax.Array  # float32 [steps, dimensions], in [-1, 1]
    ys: jax.Array  # float32 [steps], noise included
    kernel: PyTree  # the `gaussian_process.Kernel` that it was drawn with


class Forecast(NamedTuple):
    """A Gaussian for each step, given the steps before it."""

    mean: jax.Array  # [steps]
    deviation: jax.Array  # [steps], positive


class Stream(NamedTuple):
    """One stream of images; the label of step t is shown at step t + 1.

    Batches of streams have a leading axis on every leaf.
    """

    xs: jax.Array  # uint8 [steps, height, width, channels]
    ys: jax.Array  # int32 [steps], 0 … way - 1
    turns: jax.Array  # int32 [steps]; how often the class of this step was shown before it
    codes: jax.Array  # float32 [way, outputs]; the code of each label in this stream
    class_ids: jax.Array  # int32 [way]; in the class table, of the class behind label j


class Episode(NamedTuple):
    """One few-shot problem. Batches of episodes have a leading axis on every leaf."""

    support_x: jax.Array  # uint8 [way * shot, height, width, channels]
    support_y: jax.Array  # int32 [way * shot], 0 … way - 1
    query_x: jax.Array  # uint8 [way * query, height, width, channels]
    query_y: jax.Array  # int32 [way * query]
    class_ids: jax.Array  # int32 [way]; in the class table, of the class behind label j


@dataclass(frozen=True)
class Protocol:
    """What is measured. A protocol that has results is never edited; a new version replaces it."""

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
    trained_on: str | None = None  # "dataset/split" of meta-training, if it is another one
    version: int = 2  # the sampler of version 1 no longer exists
    dataset_digest: str | None = None  # golden, where the protocol is frozen
    episode_digest: str | None = None
    labels: Labels | None = None
    """Set for the online protocol, and only for it. `shot` is then 0, and `query` counts the
    presentations of a class, all of which are answered."""
    independent: bool = False  # online: the class of each step is drawn independently
    min_images: int | None = None  # classes with fewer are passed over, in training too
    grey: bool = False  # colours are turned to grey, in training too
    shot_spread: int = 0  # a class has from `shot - shot_spread` to `shot + shot_spread` supports
    query_spread: int = 0  # likewise of queries; the totals of an episode do not change

    @property
    def id(self) -> str:
        """For example `omniglot-vinyals-5way-1shot-v2`.

        The defaults are 15 queries, 1,000 episodes, size 28, test classes, seed 0, classes of
        any alphabet and meta-training on the same split; the id names every difference to them.
        """
        parts = [self.dataset, self.split, f"{self.way}way"]
        online = self.labels is not None
        parts += (
            [f"online{self.query}"] if online else [_counted(self.shot, self.shot_spread, "shot")]
        )
        if self.labels not in (None, "onehot"):
            parts.append(str(self.labels))
        if self.independent:
            parts.append("independent")
        if not online and (self.query, self.query_spread) != (15, 0):
            parts.append(_counted(self.query, self.query_spread, "query"))
        departures = (
            (self.episodes, 1000, "episodes"),
            (self.image_size, 28, "px"),
            (self.seed, 0, "seed"),
        )
        parts += [f"{value}{unit}" for value, usual, unit in departures if value != usual]
        if self.part != "test":
            parts.append(self.part)
        if self.within_alphabet:
            parts.append("within")
        if self.min_images is not None:
            parts.append(f"min{self.min_images}images")
        if self.grey:
            parts.append("grey")
        if self.trained_on is not None:
            parts.append("after-" + self.trained_on.replace("/", "-"))
        return "-".join([*parts, f"v{self.version}"])


def _counted(mean: int, spread: int, unit: str) -> str:
    """Part of a protocol's id: `5shot`, or `1to5shot` where the numbers of the classes differ."""
    return f"{mean - spread}to{mean + spread}{unit}" if spread else f"{mean}{unit}"
