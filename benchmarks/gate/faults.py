"""Planted faults, each as it might creep into the code, and changes that are no faults.

Each is a context. A learner must be built and compiled within it: JAX keeps what it has traced.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple
from unittest.mock import patch

import jax
import jax.numpy as jnp
from flax import nnx

from metabench.learners.metric.matching import AttentionHead
from metabench.nets import conv4
from metabench.scoring import episodes


class Fault(NamedTuple):
    """A change of the code, and the learners that it is tried on."""

    what: str
    planted: Callable[[], AbstractContextManager[Any]]
    learners: tuple[str, ...]
    harmful: bool = True  # whether the gate should fail


def _metric() -> AbstractContextManager[Any]:
    count = episodes.tally_of

    def fewer(correct: jax.Array, answers: jax.Array, scores: jax.Array) -> Any:
        right = correct - ((answers == 0).sum() * correct) // answers.size
        return count(right.astype(jnp.int32), answers, scores)

    return patch.object(episodes, "tally_of", fewer)


def _labels() -> AbstractContextManager[Any]:
    draw = episodes.sample_tasks

    def shifted(key: Any, indices: Any, table: Any, shape: Any) -> Any:
        tasks = draw(key, indices, table, shape)
        return tasks._replace(support_y=(tasks.support_y + 1) % shape.way)

    return patch.object(episodes, "sample_tasks", shifted)


def _temperature() -> AbstractContextManager[Any]:
    plain = AttentionHead.__init__

    def inverted(self: Any, features: int, distance: Any, temperature: float, *rest: Any,
                 **options: Any) -> None:  # fmt: skip
        plain(self, features, distance, 1 / temperature, *rest, **options)

    return patch.object(AttentionHead, "__init__", inverted)


def _batch_norm() -> AbstractContextManager[Any]:
    plain = conv4.ConvBlock.after

    def by_the_batch(self: Any, convolution: Any, *, train: bool = False) -> jax.Array:
        if self.norm != "running" or train:
            return plain(self, convolution, train=train)
        return plain(nnx.clone(self), convolution, train=True)  # it writes statistics

    return patch.object(conv4.ConvBlock, "after", by_the_batch)


def _small_chunks() -> AbstractContextManager[Any]:
    return patch.object(episodes, "chunk_size", lambda shape: 16)


FAULTS = {
    "none": Fault("nothing is changed", nullcontext, (), harmful=False),
    "chunks": Fault("16 episodes at a time in the test", _small_chunks, ("protonet",), False),
    "metric": Fault(
        "right answers are lost by the share of answers 0", _metric, ("protonet", "maml")
    ),
    "labels": Fault("labels of the supports shifted by one", _labels, ("protonet", "maml")),
    "temperature": Fault("log temperature of the wrong sign", _temperature, ("matching",)),
    "batch_norm": Fault("test statistics in Conv4", _batch_norm, ("protonet", "matching")),
}
