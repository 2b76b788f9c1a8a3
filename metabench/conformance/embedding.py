"""What a learner with an `embed` must do: others build on it."""

from __future__ import annotations

import jax.numpy as jnp

from metabench.conformance.check import Skipped, named, require
from metabench.conformance.comparing import distance
from metabench.conformance.subject import Subject


def check_embedding(subject: Subject) -> None:
    """`embed` gives finite features of each image."""
    built = subject.episodes
    images = built.tasks().query_x[0]
    found = built.embed(built.trained.state, images)
    require(
        found.ndim == 2 and found.shape[0] == images.shape[0] and bool(jnp.isfinite(found).all()),
        f"`embed` must return finite features [{images.shape[0]}, any number]; their shape is "
        f"{list(found.shape)}",
    )


def check_embedding_alone(subject: Subject) -> None:
    """The features of an image do not depend on the other images."""
    built = subject.episodes
    embed, images = built.embed, built.tasks().query_x[0]
    if built.learner.transductive:
        raise Skipped("is declared transductive: features may depend on the other images")
    state = built.trained.state
    apart = distance(embed(state, images.at[1:].set(images[:1]))[0], embed(state, images)[0])
    require(
        apart <= 1,
        "the features of an image must not depend on the other images, but differ by "
        f"{apart:.3g} times what rounding explains",
    )


EMBEDDING_CHECKS = named(check_embedding, check_embedding_alone)
