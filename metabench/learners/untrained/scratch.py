"""Training from scratch: a network that meets nothing but the supports of an episode.

The baseline of Hsu, Levine & Finn 2019 that knows no other images: four blocks and a linear layer
from random weights, fitted to the supports by Adam.
"""

from __future__ import annotations

import jax
import optax

from metabench.contracts.learner import Learner
from metabench.learners.common.inner_loop import check_inner
from metabench.learners.common.state import Task
from metabench.learners.common.whole_network import fitted
from metabench.nets.classifier import Classifier, Norm
from metabench.nets.functional import functional
from metabench.types import EpisodeShape


def scratch(
    shape: EpisodeShape,
    *,
    inner_steps: int = 50,
    inner_rate: float = 1e-3,
    norm: Norm = "support",
    width: int = 32,
) -> Learner:
    """A network fitted to the supports alone.

    Args:
      shape: of the test episodes.
      inner_steps: of Adam, each on all supports.
      inner_rate: of Adam.
      norm: statistics that normalise; `batch` is transductive.
      width: channels of each block.
    """
    check_inner(inner_steps, inner_rate)
    net = functional(lambda rngs: Classifier(shape, width, norm, rngs))

    def adapt(state: tuple[()], support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del state
        adam = optax.adam(inner_rate)
        return fitted(net, *net.init(key), adam, inner_steps, support_x, support_y)

    return Learner(
        init=lambda key: (),
        adapt=adapt,
        predict=lambda task, query_x: net.apply(task.weights, task.stats, query_x)[0],
        transductive=norm == "batch",
    )
