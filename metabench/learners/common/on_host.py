"""A learner in NumPy, PyTorch, scikit-learn or anything else on the host, in one call.

It is the counterpart of `by_gradient` for what JAX cannot trace. Its functions take and give NumPy
arrays; JAX calls them back, one episode or one training step after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import EpisodeLearner, Metrics, Training
from metabench.learners.common.host import HostTask, classified
from metabench.types import Episode, EpisodeShape, PyTree

First: TypeAlias = Callable[[np.random.Generator], PyTree]
Step: TypeAlias = Callable[[Any, Episode, np.random.Generator], tuple[PyTree, dict[str, float]]]
Classify: TypeAlias = Callable[[Any, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
METRICS = ("loss", "accuracy")


def on_host(
    shape: EpisodeShape,
    classify: Classify,
    *,
    first: First | None = None,
    step: Step | None = None,
    batch: int = 1,
    train_shape: EpisodeShape | None = None,
    transductive: bool = False,
) -> EpisodeLearner:
    """A learner whose functions run on the host, over NumPy arrays.

    Args:
      shape: of the test episodes.
      classify: `classify(state, support_x, support_y, query_x) -> scores [queries, way]`. Images
        are uint8 [n, height, width, channels], labels int32 [n]; the same arguments must give the
        same scores. Without `first`, the state is None.
      first: `first(rng) -> state`, before training: a pytree (dicts, lists, tuples) of arrays of
        floats or integers. Learned arrays stand below its key `params`. All randomness comes from
        `rng`, a NumPy generator.
      step: `step(state, episodes, rng) -> (state, {"loss": …, "accuracy": …})`, one step of
        meta-training on an `Episode` whose arrays have a leading axis over the batch. The state
        has the same form as before; `accuracy` may be left out. None: nothing is trained.
      batch: episodes in a training step, where neither a recipe nor the user says how many.
      train_shape: of the training episodes; None for the test's.
      transductive: whether the scores of one query may depend on the other queries.

    Example:
      >>> import numpy as np
      >>> from metabench import EpisodeShape, on_host
      >>> def nearest(shape: EpisodeShape):
      ...     def classify(state, support_x, support_y, query_x):
      ...         flat = lambda images: images.reshape(len(images), -1) / 255.0
      ...         means = [flat(support_x[support_y == one]).mean(0) for one in range(shape.way)]
      ...         return -((flat(query_x)[:, None] - np.stack(means)) ** 2).sum(-1)
      ...     return on_host(shape, classify)
      >>> nearest(EpisodeShape(way=5, shot=1, query=15)).training is None
      True
    """
    assert step is None or first is not None, "`step` needs `first`, which makes its state"

    def adapt(state: PyTree, x: jax.Array, y: jax.Array, key: jax.Array) -> HostTask:
        del key  # `classify` draws nothing
        return HostTask(x, y, state)

    def answer(x: np.ndarray, y: np.ndarray, queries: np.ndarray, state: PyTree) -> np.ndarray:
        state, x, y, queries = _own((state, x, y, queries))
        return classify(None if first is None else state, x, y, queries)

    return EpisodeLearner(
        init=_init(first),
        adapt=adapt,
        predict=lambda task, queries: classified(answer, task, queries, shape.way),
        training=None if step is None else Training(_step(step), train_shape, batch),
        transductive=transductive,
    )


def _init(first: First | None) -> Callable[[jax.Array], PyTree]:
    if first is None:
        return lambda key: ()
    form = _form(_plain(first(np.random.default_rng(0))))

    def init(key: jax.Array) -> PyTree:
        def made(seed: jax.Array) -> PyTree:
            return _plain(first(np.random.default_rng(np.asarray(seed))))

        return jax.pure_callback(made, form, _seed(key), vmap_method="sequential")

    return init


def _step(step: Step) -> Callable[[PyTree, Episode, jax.Array], tuple[PyTree, Metrics]]:
    def done(state: PyTree, episodes: Episode, seed: jax.Array) -> PyTree:
        state, episodes = _own((state, episodes))
        after, metrics = step(state, episodes, np.random.default_rng(np.asarray(seed)))
        said = [np.float32(metrics.get(name, np.nan)) for name in METRICS]
        return _plain(after), dict(zip(METRICS, said, strict=True))

    def traced(state: PyTree, episodes: Episode, key: jax.Array) -> tuple[PyTree, Metrics]:
        form = (_form(state), dict.fromkeys(METRICS, jax.ShapeDtypeStruct((), jnp.float32)))
        return jax.pure_callback(done, form, state, episodes, _seed(key), vmap_method="sequential")

    return traced


def _seed(key: jax.Array) -> jax.Array:
    """Two words, which seed a generator of NumPy."""
    return jax.random.bits(key, (2,), jnp.uint32)


def _plain(state: PyTree) -> PyTree:
    """Arrays of 32 bits, as JAX keeps them."""

    def narrow(leaf: Any) -> np.ndarray:
        array = np.asarray(leaf)
        return array.astype(jax.dtypes.canonicalize_dtype(array.dtype))

    return jax.tree.map(narrow, state)


def _own(arrays: Any) -> Any:
    """Copies, which may be written to: JAX's own may not, and PyTorch warns of them."""
    return jax.tree.map(np.array, arrays)


def _form(state: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), state)
