"""Checks that every backbone must pass, by name, reference or factory.

`check_backbone(mine)` runs them all and raises one error that lists every failure. Learners that
use a backbone have checks of their own: `metabench check protonet --set backbone=mine.py:mine`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metabench import registry
from metabench.conformance.check import (
    BoundCheck,
    Check,
    Outcome,
    Skipped,
    bound,
    examine,
    named,
    once,
    require,
    require_no_failure,
)
from metabench.conformance.comparing import distance, form, same_bits, same_form
from metabench.conformance.drawings import strokes_tables
from metabench.conformance.options import OPTION_CHECKS
from metabench.contracts.backbone import Backbone, BackboneFactory
from metabench.seeds import root_key
from metabench.types import ImageShape, PyTree
from metabench.unpackaged import LearnerEntry

IMAGE: ImageShape = (28, 28, 1)
IMAGES = 6


class BackboneSubject:
    """A backbone under examination, built and compiled once for all checks."""

    def __init__(
        self,
        backbone: str | BackboneFactory,
        image: ImageShape = IMAGE,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._backbone, self.image, self.settings = backbone, image, settings or {}

    @once
    def entry(self) -> LearnerEntry:
        """The factory, and what it is called."""
        return registry.backbone(self._backbone)

    @once
    def built(self) -> Backbone:
        """The backbone for images of this shape."""
        return registry.build_backbone(self._backbone, self.image, self.settings)

    @once
    def first(self) -> tuple[PyTree, PyTree]:
        """Parameters and statistics before training."""
        return jax.jit(self.built.init)(root_key(0))

    @once
    def images(self) -> jax.Array:
        """A few drawings, float32 from 0 to 1."""
        drawn = strokes_tables(self.image)["test"].images[:IMAGES]
        return jnp.asarray(drawn, jnp.float32).reshape(IMAGES, *self.image) / 255

    @once
    def stats(self) -> PyTree:
        """Statistics after a training step, as a test meets them."""
        return self.training(*self.first, self.images, key=root_key(1))[1]

    @once
    def testing(self) -> Callable[..., tuple[jax.Array, PyTree]]:
        """`apply` in the test, compiled; a key may be given."""
        return jax.jit(partial(self.built.apply, train=False))

    @once
    def training(self) -> Callable[..., tuple[jax.Array, PyTree]]:
        """`apply` in training, compiled; a key may be given."""
        return jax.jit(partial(self.built.apply, train=True))

    def test(self, images: jax.Array | None = None, key: jax.Array | None = None) -> jax.Array:
        """Features in the test, of the images of all checks where no others are given."""
        seen = self.images if images is None else images
        return self.testing(self.first[0], self.stats, seen, key=key)[0]


def check_form(subject: BackboneSubject) -> None:
    """Features are float32 [n, features] and finite, and `stats` keep their form."""
    params, stats = subject.first
    require(
        all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(params)),
        f"`params` must be floating-point arrays, as all of them are learned; they are "
        f"{form(params)}",
    )
    wanted = (IMAGES, subject.built.features)
    for train, key in ((False, None), (True, root_key(1)), (True, None), (False, root_key(1))):
        apply = subject.training if train else subject.testing
        found, after = apply(params, stats, subject.images, key=key)
        said = f"with `train={train}` and {'no' if key is None else 'a'} key"
        require(
            found.shape == wanted and found.dtype == jnp.float32,
            f"{said} features must be float32{list(wanted)}, but are {form(found)}",
        )
        require(bool(jnp.isfinite(found).all()), f"{said} features must be finite, but are not")
        require(
            same_form(stats, after),
            f"{said} `stats` must keep their form: {form(stats)} became {form(after)}",
        )


def check_deterministic(subject: BackboneSubject) -> None:
    """Equal keys give equal bits, and nothing is drawn without a key."""
    again = registry.build_backbone(subject._backbone, subject.image, subject.settings)
    require(
        same_bits(subject.first, jax.jit(again.init)(root_key(0))),
        "`init` must return the same bits for the same key, and did not",
    )
    for key in (None, root_key(1)):
        other = jax.jit(partial(again.apply, train=False))
        apart = distance(
            other(subject.first[0], subject.stats, subject.images, key=key)[0],
            subject.test(key=key),
        )
        require(
            apart <= 1,
            f"a backbone built twice must answer the same {'without' if key is None else 'for'} a "
            f"key, but its features differ by {apart:.3g} times what rounding explains",
        )


def check_embedding_alone(subject: BackboneSubject) -> None:
    """In the test, the features of an image depend on no other image, nor on their number."""
    if subject.built.transductive:
        raise Skipped("is declared transductive: features may depend on the other images")
    whole = subject.test()
    for images in (subject.images[:1], subject.images.at[1:].set(0.0)):
        apart = distance(subject.test(images)[0], whole[0])
        require(
            apart <= 1,
            "the features of an image must not depend on the other images, but differ by "
            f"{apart:.3g} times what rounding explains; say `transductive=True` if they may",
        )


def check_vmap(subject: BackboneSubject) -> None:
    """Weights under `jax.vmap` give what they give one by one: episodes adapt them."""
    params, stats = subject.first[0], subject.stats
    both = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf]), params)

    def one(params: PyTree) -> jax.Array:
        return subject.built.apply(params, stats, subject.images, train=True, key=None)[0]

    found = jax.jit(jax.vmap(one))(both)
    for number in range(2):
        alone = jax.jit(one)(jax.tree.map(lambda leaf, number=number: leaf[number], both))
        apart = distance(found[number], alone)
        require(
            apart <= 1,
            "features must be the same with weights under `jax.vmap`, but differ by "
            f"{apart:.3g} times what rounding explains",
        )


def check_gradient(subject: BackboneSubject) -> None:
    """Parameters have finite gradients, first and second, and features depend on them."""
    params, stats = subject.first

    def loss(params: PyTree) -> jax.Array:
        features = subject.built.apply(params, stats, subject.images, train=True, key=root_key(1))
        return jnp.square(features[0]).mean()

    def slope(params: PyTree) -> tuple[jax.Array, PyTree]:
        found = jax.grad(loss)(params)
        return jnp.stack([leaf.sum() for leaf in jax.tree.leaves(found)]).sum(), found

    second, first = jax.jit(jax.grad(slope, has_aux=True))(params)
    first, second = jax.tree.leaves(first), jax.tree.leaves(second)
    for order, found in (("first", first), ("second", second)):
        require(
            all(bool(jnp.isfinite(leaf).all()) for leaf in found),
            f"the {order} derivatives in `params` must be finite, but are not",
        )
    require(
        any(bool(np.any(leaf)) for leaf in first),
        "features must depend on `params`, but their gradient is zero everywhere",
    )


BACKBONE_CHECKS: tuple[Check[Any], ...] = (
    *OPTION_CHECKS,
    *named(check_form, check_deterministic, check_embedding_alone, check_vmap, check_gradient),
)


def backbone_checks(
    backbone: str | BackboneFactory,
    *,
    image: ImageShape = IMAGE,
    settings: Mapping[str, Any] | None = None,
) -> list[BoundCheck]:
    """Every check over a backbone, to be run one by one. They share what they compile.

    Args:
      backbone: a factory `factory(image, *, options)`, a registered name, `path/file.py:function`
        or `module:function`.
      image: height, width and channels.
      settings: its options; None for the defaults.
    """
    subject = BackboneSubject(backbone, image, settings)
    name = backbone if isinstance(backbone, str) else getattr(backbone, "__name__", str(backbone))
    return bound(BACKBONE_CHECKS, name.rpartition(":")[2], lambda: subject)


def check_backbone(
    backbone: str | BackboneFactory,
    *,
    image: ImageShape = IMAGE,
    settings: Mapping[str, Any] | None = None,
) -> list[Outcome]:
    """Run every check over a backbone, and raise one error where some fail.

    Args:
      backbone: as of `backbone_checks`.
      image: height, width and channels.
      settings: its options; None for the defaults.

    Returns:
      What came of each check: it passed, or it was skipped and why.

    Raises:
      ConformanceError: lists every failure, with what was expected and what was seen.
      UserError: there is no such backbone.
    """
    entry = registry.backbone(backbone)
    outcomes = examine(backbone_checks(backbone, image=image, settings=settings))
    require_no_failure(entry.name, outcomes)
    return outcomes
