"""The codes of labels that are inputs of a network: one number of N, or five letters.

A code is a row of zeros and ones in groups, with a single one in each group. One-hot codes
have one group of N. Five-letter codes (Santoro et al. 2016, section 4.1.2) have five groups of
five, a string over a … e. There are 3,125 of them, so the number of outputs is the same for
five classes and for a hundred. An answer is right if every group is right.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from metabench.errors import UserError
from metabench.tasks.draws import choose, words_needed
from metabench.types import Labels

LETTERS = 5  # in a string, and in the alphabet
STRINGS = LETTERS**LETTERS


def groups(labels: Labels, way: int) -> tuple[int, int]:
    """Groups of a code, and numbers in each.

    Raises:
      UserError: another kind of labels.
    """
    if labels not in ("onehot", "letters"):
        raise UserError(f"`labels` is {labels!r}; it must be one of: onehot, letters")
    return (1, way) if labels == "onehot" else (LETTERS, LETTERS)


def code_words(labels: Labels, way: int) -> int:
    """How many random words `codes` needs."""
    return 0 if labels == "onehot" else words_needed(way, STRINGS)


def codes(labels: Labels, way: int, words: jax.Array) -> jax.Array:
    """A code for each of `way` labels: float32 [..., way, outputs].

    Strings of letters are drawn, all different; one-hot codes are always the same.

    Args:
      labels: the kind of code.
      way: how many labels.
      words: uint32 [code_words(labels, way), ...], uniform.
    """
    lanes = words.shape[1:]
    if labels == "onehot":
        return jnp.broadcast_to(jnp.eye(way), (*lanes, way, way))
    strings = choose(words, jnp.full(lanes, STRINGS, jnp.int32), way, STRINGS)
    powers = (LETTERS ** jnp.arange(LETTERS)).reshape((LETTERS,) + (1,) * strings.ndim)
    letters = jnp.moveaxis(strings[None] // powers % LETTERS, (0, 1), (-1, -2))
    return jax.nn.one_hot(letters, LETTERS).reshape(*lanes, way, LETTERS * LETTERS)


def _grouped(rows: jax.Array, size: int) -> jax.Array:
    return rows.reshape(*rows.shape[:-1], rows.shape[-1] // size, size)


def cross_entropy(logits: jax.Array, wanted: jax.Array, size: int) -> jax.Array:
    """Cross-entropy, summed over the groups, in nats: [...].

    Args:
      logits: [..., outputs].
      wanted: codes, [..., outputs].
      size: numbers in a group.
    """
    return -(wanted * log_probabilities(logits, size)).sum(-1)


def log_probabilities(logits: jax.Array, size: int) -> jax.Array:
    """Log softmax within each group: [..., outputs]."""
    return jax.nn.log_softmax(_grouped(logits, size)).reshape(logits.shape)


def right(logits: jax.Array, wanted: jax.Array, size: int) -> jax.Array:
    """Whether, in every group, `logits` [..., outputs] are highest where `wanted` is 1."""
    return (highest(logits, size) == highest(wanted, size)).all(-1)


def highest(rows: jax.Array, size: int) -> jax.Array:
    """Where each group of `rows` [..., outputs] is highest: int32 [..., groups], from 0."""
    return _grouped(rows, size).argmax(-1)
