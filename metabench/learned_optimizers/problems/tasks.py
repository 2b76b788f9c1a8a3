"""The optimizees by name: the values of `--task`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import jax

from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError, suggest
from metabench.learned_optimizers.problems.authors_convnet import authors_convnet
from metabench.learned_optimizers.problems.convnet import convnet
from metabench.learned_optimizers.problems.images import mini_imagenet, mnist
from metabench.learned_optimizers.problems.mlp import mlp
from metabench.learned_optimizers.problems.quadratic import quadratic

MLPS: Mapping[str, Callable[..., Optimizee]] = {
    "mnist-mlp": mlp,
    "mnist-mlp-40": partial(mlp, hidden=(40,)),
    "mnist-mlp-2layer": partial(mlp, hidden=(20, 20)),
    "mnist-mlp-relu": partial(mlp, activation=jax.nn.relu),
}
CONVNETS: Mapping[str, int | None] = {  # number of classes; None: all 64
    "imagenet-conv": None,
    "imagenet-conv-5": 5,
    "imagenet-conv-2": 2,
}
AUTHORS_CONVNETS: Mapping[str, int | None] = {
    "imagenet-authors-conv": None,
    "imagenet-authors-conv-5": 5,
    "imagenet-authors-conv-2": 2,
}
NAMES = ("quadratic", *MLPS, *CONVNETS, *AUTHORS_CONVNETS)


def check_task(name: str) -> None:
    """Raise `UserError` if there is no task `name`."""
    if name not in NAMES:
        raise UserError(
            f"`task` is {name!r}{suggest(name, NAMES)}, but it must be one of: {', '.join(NAMES)}"
        )


def build(
    name: str, archives: Path | None = None, cache: Path | None = None, progress: bool = True
) -> Optimizee:
    """The optimizee called `name`, with its data on the device.

    Raises:
      UserError: an unknown name, or data that is not available.
    """
    check_task(name)
    if name in MLPS:
        return MLPS[name](*mnist(archives, cache, progress))
    if name in CONVNETS:
        return convnet(*mini_imagenet(CONVNETS[name], archives, cache, progress))
    if name in AUTHORS_CONVNETS:
        found = mini_imagenet(AUTHORS_CONVNETS[name], archives, cache, progress)
        return authors_convnet(*found)
    return quadratic()
