"""The label that has most presentations left: the floor of the online protocol.

Every class of a stream comes equally often, so who counts the labels that were shown does better
than chance without a look at any image. Where the classes of a stream are drawn independently,
counting is at chance over all images, but not at the early presentations, whose classes are rare.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.contracts.learner import StreamLearner
from metabench.contracts.options import with_options
from metabench.types import StreamShape


@with_options
def counting(shape: StreamShape) -> StreamLearner:
    """Answers with the label that has most presentations left, whatever the image shows.

    Of labels with as many left, each is taken with the same chance. Strings of letters are known
    only once they were shown, so the answer is one of these.

    Args:
      shape: of the test streams.
    """

    def init(key: jax.Array) -> tuple[()]:
        del key
        return ()

    def answer(state: tuple[()], xs: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
        del state, xs
        if shape.labels == "onehot":
            left = shape.presentations - jnp.cumsum(labels, axis=0)
            return left + jax.random.uniform(key, left.shape)  # a tie goes to any of them
        return most_left(labels, shape.presentations, key)

    return StreamLearner(init, answer)


def most_left(labels: jax.Array, presentations: int, key: jax.Array) -> jax.Array:
    """Of the codes shown so far, [steps, outputs], one with most presentations left at each step.

    Args:
      labels: at each step the code of the step before, and zeros at the first.
      presentations: of each class.
      key: decides between codes with as many left.
    """
    steps = labels.shape[0]
    same = (labels[:, None] == labels[None]).all(-1) & labels.any(-1)[None]
    known = jnp.arange(steps)[:, None] >= jnp.arange(steps)[None]  # [step, shown at]
    first = labels.any(-1) & ~(same & jnp.tri(steps, k=-1, dtype=bool)).any(1)
    times = (known[:, None] & same[None]).sum(-1)  # [step, code], how often it was shown
    left = presentations - times + jax.random.uniform(key, (steps, steps))
    return labels[jnp.where(known & first[None], left, -jnp.inf).argmax(1)]
