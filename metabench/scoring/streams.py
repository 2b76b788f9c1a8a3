"""The score of the online protocol: right answers by how often a class was shown before.

The accuracy at the k-th presentation is the accuracy on images whose class was shown k - 1
times before in the same stream (Santoro et al. 2016). It is not a k-shot accuracy: the labels
came one by one, in random order, between those of other classes.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.contracts.learner import StreamLearner
from metabench.tasks.label_codes import groups, right
from metabench.tasks.streams import shown
from metabench.types import Labels, PyTree, Stream


def correct_by_presentation(
    learner: StreamLearner, state: PyTree, labels: Labels, stream: Stream, key: jax.Array
) -> jax.Array:
    """int32 [presentations]: right answers among the `way` images of each presentation."""
    way = stream.codes.shape[0]
    number = stream.ys.shape[0] // way
    _, size = groups(labels, way)
    logits = learner.answer(state, stream.xs, shown(stream), key)
    hits = right(logits, stream.codes[stream.ys], size)
    at = stream.turns[None] == jnp.arange(number)[:, None]
    return (at & hits[None]).sum(1, dtype=jnp.int32)
