"""From the sets of an episode to what training explains, and what contexts are inferred from.

Whole sets become other classes, images are changed, and members are left out when contexts are
inferred (Edwards & Storkey 2017, sections 4.3 and 5.3), or replaced by distorted copies.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from metabench.nets import augment
from metabench.nets.distort import distorted
from metabench.nets.statistician.statistic import kept, membership, most_kept, those_kept


class Told(NamedTuple):
    """The arguments of `Statistician.bound`, except the key."""

    x: jax.Array  # what is explained, [sets, members, h, w, c]
    member: jax.Array  # what contexts are inferred from, [sets, all members or informants]
    informants: jax.Array | None  # [n, h, w, c]; None: the members themselves


class TrainingSets(NamedTuple):
    """How sets of training images are changed; these are options of the learner."""

    rotate: bool
    reflect: bool
    dilate: float
    binarise: bool
    drop: float
    distort: float
    distort_chance: float

    def __call__(self, key: jax.Array, sets: jax.Array) -> Told:
        """[sets, members, h, w, c] in [0, 1] to the arguments of the bound."""
        keys = jax.random.split(key, 4)
        sets = self.of_sets(keys[0], sets)
        stay = kept(keys[1], sets.shape[0], sets.shape[1], self.drop)
        x = self.of_images(keys[2], sets)
        if not self.distort:
            return Told(x, membership(stay), None)
        places, member = those_kept(stay, most_kept(stay.shape[0], stay.shape[1], self.drop))
        before, after = (images.reshape(-1, *images.shape[2:])[places] for images in (sets, x))
        return Told(x, member, self.of_informants(keys[3], before, after))

    def of_informants(self, key: jax.Array, before: jax.Array, after: jax.Array) -> jax.Array:
        """From members [n, h, w, c] before and after `of_images`; only a share is distorted."""
        keys = jax.random.split(key, 3)
        copies = self.of_images(keys[0], distorted(keys[1], before, self.distort))
        chosen = jax.random.bernoulli(keys[2], self.distort_chance, (len(before), 1, 1, 1))
        return jnp.where(chosen, copies, after)

    def of_sets(self, key: jax.Array, sets: jax.Array) -> jax.Array:
        """[sets, members, h, w, c] to the same; each set may then stand for another class."""
        keys = jax.random.split(key)
        if self.rotate:
            sets = augment.turned(keys[0], sets)
        return augment.reflected(keys[1], sets) if self.reflect else sets

    def of_images(self, key: jax.Array, images: jax.Array) -> jax.Array:
        """[..., h, w, c] in [0, 1] to the same, each image by itself."""
        keys = jax.random.split(key)
        if self.dilate:
            images = augment.dilated(keys[0], images, self.dilate)
        return augment.binarised(keys[1], images) if self.binarise else images
