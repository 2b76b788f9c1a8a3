"""What is done to sets of training images: whole sets become other classes, images vary."""

from __future__ import annotations

from typing import NamedTuple

import jax

from metabench.nets import augment
from metabench.nets.distort import distorted


class Changes(NamedTuple):
    """What is done to the training images."""

    rotate: bool
    reflect: bool
    distort: bool
    dilate: float
    binarise: bool

    def __call__(self, key: jax.Array, sets: jax.Array) -> jax.Array:
        """[sets, members, h, w, c] in [0, 1] to the same."""
        keys = jax.random.split(key, 4)
        if self.rotate:
            sets = augment.turned(keys[0], sets)
        if self.reflect:
            sets = augment.reflected(keys[1], sets)
        if self.distort:
            flat = sets.reshape(-1, *sets.shape[2:])
            sets = distorted(jax.random.fold_in(key, 4), flat).reshape(sets.shape)
        if self.dilate:
            sets = augment.dilated(keys[2], sets, self.dilate)
        return augment.binarised(keys[3], sets) if self.binarise else sets
