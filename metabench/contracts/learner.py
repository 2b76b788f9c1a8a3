"""The learner contract: what a factory returns, and all that the rest of the package sees of it.

A learner is a NamedTuple of pure functions over pytrees, one type for each thing that a learner
can do: `EpisodeLearner` answers N-way k-shot episodes, `StreamLearner` the online protocol,
`Forecaster` functions. A factory returns the type that its shape asks for: an `EpisodeShape`, a
`StreamShape` or a `FunctionShape`. `Training` says how it is meta-trained, `Foundation` on whose
embedding it builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, overload

from metabench.types import (
    ClassTable,
    EpisodeShape,
    Forecast,
    ImageTaskShape,
    PyTree,
    Select,
    TaskShape,
    TrainShape,
)

if TYPE_CHECKING:
    import jax

Metrics: TypeAlias = "dict[str, jax.Array]"


class Training(NamedTuple):
    """How a learner is meta-trained."""

    step: Callable[[PyTree, Any, jax.Array], tuple[PyTree, Metrics]]
    """`step(state, tasks, key) -> (state, metrics)`: one step on a batch of the tasks that `shape`
    tells (`Episode`, `Stream` or `Function`; of an `ImagesShape` uint8
    [batch, number, height, width, channels]). The metrics hold a scalar `loss`."""
    shape: TrainShape | None = None
    """Shape and kind of the training tasks, where they differ from the test's. Their images may
    be larger than the test's by a whole factor: they are then detailed (`tasks/detail.py`)."""
    batch: int = 1
    """Tasks in a step where neither a recipe nor the user says how many."""
    spread: bool = False
    """Whether `step` takes its tasks by `over_episodes`: then they are spread over the devices."""
    settle: Callable[[PyTree, Any, jax.Array, jax.Array], PyTree] | None = None
    """`settle(state, tasks, key, number) -> state`, for batches `number` = 0, 1, … of training
    tasks before each validation: what is tested is the state after the last of them. For
    statistics that are to be those of the weights as they are then. Training goes on from that
    state, so `step` must not read them."""


class EpisodeLearner(NamedTuple):
    """A learner of N-way k-shot episodes, built for an `EpisodeShape`."""

    init: Callable[[jax.Array], PyTree]
    """`init(key) -> state`: parameters, optimizer state, statistics."""
    adapt: Callable[[PyTree, jax.Array, jax.Array, jax.Array], PyTree]
    """`adapt(state, support_x, support_y, key) -> task`: what is kept of a support set."""
    predict: Callable[[PyTree, jax.Array], jax.Array]
    """`predict(task, query_x) -> logits [queries, way]`."""
    training: Training | None = None
    """None where there is no meta-training."""
    transductive: bool = False
    """Whether the prediction for one query may depend on the other queries."""
    embed: Callable[[PyTree, jax.Array], jax.Array] | None = None
    """`embed(state, images) -> [n, features]`: what others may build on, of images uint8
    [n, height, width, channels]."""
    trace: Callable[[PyTree, jax.Array, jax.Array, jax.Array], dict[str, jax.Array]] | None = None
    """`trace(state, support_x, support_y, key) -> {name: [inner steps, any number]}`: what
    happens within `adapt`, for a picture."""
    foundation: Foundation | None = None
    """The learner that is trained first, and what is made of it."""
    balanced: bool = False
    """Whether it needs equally many supports, and equally many queries, of each class: protocols of
    uneven episodes are then refused."""


class StreamLearner(NamedTuple):
    """A learner of the online protocol, built for a `StreamShape`."""

    init: Callable[[jax.Array], PyTree]
    """`init(key) -> state`."""
    answer: Callable[[PyTree, jax.Array, jax.Array, jax.Array], jax.Array]
    """`answer(state, xs, labels, key) -> logits [steps, outputs]` of one stream; `labels`
    [steps, outputs] holds at each step the code of the step *before*."""
    training: Training | None = None
    """None where there is no meta-training."""


class Forecaster(NamedTuple):
    """A learner of functions, built for a `FunctionShape`."""

    init: Callable[[jax.Array], PyTree]
    """`init(key) -> state`."""
    adapt: Callable[[PyTree, jax.Array, jax.Array, jax.Array], PyTree]
    """`adapt(state, xs, ys, key) -> task`: what is kept of the points of a function."""
    predict: Callable[[PyTree, jax.Array], Forecast]
    """`predict(task, xs) -> Forecast [queries]`."""
    forecast: Callable[[PyTree, jax.Array, jax.Array, jax.Array], Forecast]
    """`forecast(state, xs, before, key) -> Forecast [steps]` of one function; `before` [steps]
    holds at each step the y of the step *before*."""
    training: Training


class Source(NamedTuple):
    """A learner by its registered name and settings: enough to train it by its own recipe."""

    name: str
    settings: Mapping[str, Any]
    learner: EpisodeLearner  # with `embed`
    select: Select = "last"
    """Which state of its training is built on. No label of a validation class plays a part in the
    `last` one, whatever the source is."""


class Foundation(NamedTuple):
    """Another learner, trained first, on whose embedding this one builds."""

    source: Source
    keep: Callable[[PyTree, PyTree, jax.Array, jax.Array], PyTree] | None = None
    """`keep(state, source state, images, key) -> state`, on the host, once after `init`: what is
    kept of the trained source and of all training images, which come without labels."""
    relabel: Callable[[PyTree, jax.Array, jax.Array], ClassTable] | None = None
    """`relabel(source state, images, key) -> class table`, on the host, once before meta-training:
    constructed classes in place of the true ones, which it is not shown."""


Learner: TypeAlias = EpisodeLearner | StreamLearner | Forecaster
LearnerFactory: TypeAlias = Callable[..., Any]  # `factory(shape, **options) -> Learner`


def foundation_of(learner: Learner) -> Foundation | None:
    """What a learner builds on; None where it builds on nothing."""
    return learner.foundation if isinstance(learner, EpisodeLearner) else None


@overload
def train_shape(learner: EpisodeLearner | StreamLearner, shape: ImageTaskShape) -> TrainShape: ...


@overload
def train_shape(learner: Learner, shape: TaskShape) -> TaskShape | TrainShape: ...


def train_shape(learner: Learner, shape: TaskShape) -> TaskShape | TrainShape:
    """The shape of the training tasks of a learner that is tested on tasks of `shape`.

    Training episodes are even, unless the learner itself asks for uneven ones.
    """
    training = learner.training
    if training is not None and training.shape is not None:
        return training.shape
    return shape.even if isinstance(shape, EpisodeShape) else shape


def learned(state: PyTree) -> list[Any]:
    """The learned arrays of a state.

    These are what its field or key `params` holds; where it has none, what the `params` of the
    states within it hold, such as the state of a source; where there are none either, all
    floating-point arrays.
    """
    import jax
    import jax.numpy as jnp

    found: list[Any] = jax.tree.leaves(list(_params(state)))
    if found:
        return found
    return [leaf for leaf in jax.tree.leaves(state) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def parameter_count(learner: Learner, state: PyTree) -> int:
    """Numbers in the learned arrays of the state that is tested; 0 where nothing is trained."""
    if learner.training is None and foundation_of(learner) is None:
        return 0
    return int(sum(leaf.size for leaf in learned(state)))


def _params(node: PyTree) -> Iterator[PyTree]:
    """The outermost `params` within `node`."""
    if isinstance(node, tuple) and hasattr(node, "_asdict"):
        node = node._asdict()
    if isinstance(node, Mapping):
        if "params" in node:
            yield node["params"]
            return
        node = tuple(node.values())
    if isinstance(node, tuple | list):
        for inner in node:
            yield from _params(inner)
