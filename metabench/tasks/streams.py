"""The stream sampler of the online protocol: pure, jit-able, on the device.

Like an episode, stream `i` depends on (key, i, table, shape) alone. It has N classes and k
examples of each without replacement, all in random order (Santoro et al. 2016, section 2). If the
class of each step is drawn independently, as by default in one public code (snowkylin/ntm), classes
come unequally often; the examples of a class come again once all of them were shown.
No models here, and no I/O.
"""

from __future__ import annotations

import hashlib
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from metabench.seeds import root_key, task_words
from metabench.tasks.draws import choose, independent, interleave, whole, words_needed
from metabench.tasks.label_codes import code_words, codes
from metabench.tasks.shift import step_before
from metabench.types import ClassTable, Stream, StreamShape


def sample_streams(
    key: jax.Array, indices: jax.Array, table: ClassTable, shape: StreamShape
) -> Stream:
    """Streams `indices` [batch] of the family `key`, each leaf with a leading axis for them.

    Labels are a random permutation of the classes: the draw itself is in random order.
    """
    way = shape.way
    most_classes, most_examples = table.members.shape
    each = min(shape.steps, most_examples) if shape.independent else shape.presentations
    parts = (
        words_needed(way, most_classes),
        way * words_needed(each, most_examples),
        words_needed(shape.steps, way if shape.independent else shape.steps),
        code_words(shape.labels, way),
    )
    words = jax.vmap(partial(task_words, key, sum(parts)))(indices).T  # streams along the last axis
    class_words, example_words, order, letters = jnp.split(words, np.cumsum(parts)[:-1])
    count = jnp.full(indices.shape, most_classes, jnp.int32)
    classes = choose(class_words, count, way, most_classes)
    example_words = example_words.reshape(-1, way, len(indices))
    columns = choose(example_words, table.counts[classes], each, most_examples)
    rows = table.members.reshape(-1)[classes[None] * most_examples + columns]  # [each, way, batch]
    if shape.independent:
        ys, turns = independent(order, way, shape.steps)
        nth = turns % jnp.take_along_axis(table.counts[classes], ys, axis=0)
    else:
        ys, turns = interleave(order, way, each)
        nth = turns
    rows = jnp.take_along_axis(rows.reshape(each * way, -1), nth * way + ys, axis=0)
    return Stream(
        xs=whole(table.images[rows.T]),
        ys=ys.T,
        turns=turns.T,
        codes=codes(shape.labels, way, letters),
        class_ids=table.class_ids[classes.T],
    )


def shown(stream: Stream) -> jax.Array:
    """The codes that a learner sees: at each step the code of the step before, [steps, outputs].

    The first step has zeros. For one stream; use `jax.vmap` for batches.
    """
    return step_before(stream.codes[stream.ys])


def stream_digest(seed: int, table: ClassTable, shape: StreamShape, number: int) -> str:
    """sha256 over pixels, labels, codes and global class ids of streams 0 … `number`-1.

    Equal on every device and for every batch size.
    """
    digest, draw = hashlib.sha256(), jax.jit(sample_streams, static_argnames="shape")
    for start in range(0, number, 64):
        found = draw(root_key(seed), jnp.arange(start, start + 64), table, shape)
        for one in range(min(64, number - start)):
            digest.update(np.asarray(found.xs[one]).tobytes())
            digest.update(np.asarray(found.codes[one]).astype(np.uint8).tobytes())
            for leaf in (found.ys, found.class_ids):
                digest.update(np.asarray(leaf[one]).astype("<i4").tobytes())
    return digest.hexdigest()
