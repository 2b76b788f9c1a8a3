"""Which parameters share an LSTM: those of convolutions, and all others (section 3.3)."""

from __future__ import annotations

from typing import Any

import jax

from metabench.types import PyTree

CONVOLUTIONAL, DENSE = "conv", "dense"


def by_name(params: PyTree) -> PyTree:
    """`conv` for leaves with `conv` somewhere in their path, `dense` for all others."""

    def kind(path: tuple[Any, ...], leaf: jax.Array) -> str:
        return CONVOLUTIONAL if CONVOLUTIONAL in jax.tree_util.keystr(path).lower() else DENSE

    return jax.tree_util.tree_map_with_path(kind, params)
