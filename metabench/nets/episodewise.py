"""How a batch of episodes is spread: together on an accelerator, in turn on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from metabench.nets.ops import native


def over_episodes(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` over the leading axis of every leaf of its arguments, like `jax.vmap`.

    On a CPU the images of one episode keep the cores busy and stay in cache: one after the
    other is faster there than all at once.
    """
    if native():
        return jax.vmap(function)

    def in_turn(*batch: Any) -> Any:
        if jax.tree.leaves(batch)[0].shape[0] == 1:  # spares a loop, which costs fusions
            alone = function(*jax.tree.map(lambda leaf: leaf[0], batch))
            return jax.tree.map(lambda leaf: leaf[None], alone)
        return jax.lax.map(lambda one: function(*one), batch)

    return in_turn
