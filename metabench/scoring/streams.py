"""What the online protocol counts: right answers by how often a class was met. Never trains.

Accuracy at the k-th presentation is that on images whose class was shown k - 1 times
before in the same stream (Santoro et al. 2016). It is no k-shot accuracy: the labels came
one by one, in random order, and other classes in between.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.contracts.learner import Learner
from metabench.tasks.label_codes import groups, right
from metabench.tasks.streams import shown
from metabench.types import Labels, PyTree, Stream


def correct_by_presentation(
    learner: Learner, state: PyTree, labels: Labels, stream: Stream, key: jax.Array
) -> jax.Array:
    """int32 [presentations]: right answers among the `way` images of each presentation."""
    assert learner.stream is not None
    way = stream.codes.shape[0]
    number = stream.ys.shape[0] // way
    _, size = groups(labels, way)
    logits = learner.stream(state, stream.xs, shown(stream), key)
    hits = right(logits, stream.codes[stream.ys], size)
    at = stream.turns[None] == jnp.arange(number)[:, None]
    return (at & hits[None]).sum(1, dtype=jnp.int32)
