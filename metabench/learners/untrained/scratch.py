"""Training from scratch: a network that sees only the supports of an episode.

Hsu, Levine & Finn 2019 have such a baseline: in their code, MAML's test on random weights, that is,
plain gradient descent with batch statistics of the queries. Here Adam fits the network, and the
supports' statistics serve the queries; the optimizer, its rate and its steps are our choice.
"""

from __future__ import annotations

import jax
import optax

from metabench.contracts.learner import EpisodeLearner
from metabench.contracts.options import Count, with_options
from metabench.learners.common.backbone import AnyBackbone
from metabench.learners.common.classifier import classifier
from metabench.learners.common.inner_loop import InnerLoop
from metabench.learners.common.state import Task
from metabench.learners.common.whole_network import fitted
from metabench.nets.classifier import Norm
from metabench.types import EpisodeShape


@with_options
def scratch(
    shape: EpisodeShape,
    *,
    loop: InnerLoop = InnerLoop(inner_steps=50, inner_rate=1e-3),
    norm: Norm = "support",
    width: Count = 32,
    network: AnyBackbone = AnyBackbone(),
) -> EpisodeLearner:
    """A network fitted to the supports alone.

    Args:
      shape: of the test episodes.
      loop: steps of Adam, each on all supports.
      norm: statistics that normalise; `batch` is transductive.
      width: channels of each block.
      network: another network in place of the four blocks.
    """
    net, transductive = classifier(shape, network, width, norm)

    def adapt(state: tuple[()], support_x: jax.Array, support_y: jax.Array, key: jax.Array) -> Task:
        del state
        adam = optax.adam(loop.inner_rate)
        return fitted(net, *net.init(key), adam, loop.inner_steps, support_x, support_y)

    return EpisodeLearner(
        init=lambda key: (),
        adapt=adapt,
        predict=lambda task, query_x: net.apply(task.weights, task.stats, query_x)[0],
        transductive=transductive,
    )
