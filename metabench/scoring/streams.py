"""The score of the online protocol: right answers by how often a class was shown before.

The accuracy at the k-th presentation is the accuracy on images whose class was shown k - 1
times before in the same stream (Santoro et al. 2016). It is not a k-shot accuracy: the labels
came one by one, in random order, between those of other classes.

Where the class of each step is drawn independently, the number of images at a presentation
differs from stream to stream, and a class may come more often than on average: one column more
counts all later presentations together.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import StreamLearner
from metabench.scoring.answers import checked_scores
from metabench.scoring.tally import Tally, answered, tally_of
from metabench.seeds import root_key
from metabench.tasks.label_codes import groups, highest, right
from metabench.tasks.streams import sample_streams, shown
from metabench.types import ClassTable, PyTree, Stream, StreamShape


def stream_tally(
    learner: StreamLearner, state: PyTree, shape: StreamShape, stream: Stream, key: jax.Array
) -> Tally:
    """How the images of one stream are answered, `correct` among those of each presentation."""
    number, size = groups(shape.labels, shape.way)
    logits = checked_scores(
        learner.answer(state, stream.xs, shown(stream), key),
        "answer",
        ("steps", "outputs"),
        len(stream.ys),
        number * size,
    )
    hits = right(logits, stream.codes[stream.ys], size) & answered(logits)
    return tally_of(by_presentation(shape, stream.turns, hits), highest(logits, size), logits)


def by_presentation(shape: StreamShape, turns: jax.Array, hits: jax.Array) -> jax.Array:
    """int32 [columns]: how many of `hits` [steps] there are at each presentation, `turns` + 1."""
    columns = shape.presentations + shape.independent
    at = jnp.minimum(turns, columns - 1)[None] == jnp.arange(columns)[:, None]
    return (at & hits[None]).sum(1, dtype=jnp.int32)


def presented(table: ClassTable, shape: StreamShape, *, seed: int, streams: int) -> np.ndarray:
    """int32 [streams, columns]: how many images of streams 0 … `streams`-1 of `seed` there are.

    Where classes come equally often, it is `way` everywhere.
    """

    @partial(jax.jit, static_argnames="number")
    def counted(number: int) -> jax.Array:
        turns = sample_streams(root_key(seed), jnp.arange(number), table, shape).turns
        count = partial(by_presentation, shape)
        return jax.vmap(count)(turns, jnp.ones_like(turns, bool))

    return np.asarray(counted(streams))
