"""The outer loop of learners that adapt a whole network: one step down the error on the queries.

MAML and the meta-learner LSTM share it (Finn et al. 2017, algorithm 2; Ravi & Larochelle 2017,
algorithm 1): the network adapts to the supports, and the outer gradient is that of the queries'
cross-entropy. Reptile shares the network and its options.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NamedTuple, TypeAlias

import jax
import optax

from metabench.compute.episodewise import over_episodes
from metabench.contracts.learner import Metrics
from metabench.contracts.options import TEST_ONLY, Count
from metabench.errors import UserError
from metabench.learners.common.backbone import AnyBackbone
from metabench.learners.common.classifier import classifier
from metabench.learners.common.optimizer import descended
from metabench.learners.common.state import State, Task
from metabench.learners.common.whole_network import Supports
from metabench.nets.classifier import Blocks, Features, Layout, Norm
from metabench.nets.functional import Functional
from metabench.types import Episode, EpisodeShape, PyTree

Adapt: TypeAlias = Callable[[PyTree, Supports], Task]  # from what is meta-learned
TrainStep: TypeAlias = Callable[[State, Episode, jax.Array], tuple[State, Metrics]]


@dataclass(frozen=True)
class Network(AnyBackbone):
    """Options of the classifier that is adapted: four blocks and a linear layer.

    Args:
      backbone: another network in place of the four blocks, and what goes with it: see
        `AnyBackbone`.
      width: channels of each block.
      blocks: how each halves its image: `pooled` by the maximum of 2×2 windows, `pooled_same`
        likewise with an odd last row and column, `strided` by convolutions of stride 2.
      features: what the linear layer reads: `all` numbers of the last block, or their `mean` over
        the pixels.
      norm_scale: whether normalisations have a learned scale beside the learned shift.
      norm: statistics that normalise in meta-training; `batch` is transductive.
      test_norm: the same in validation and test; `support` after a training with `batch` hides
        queries from one another that met in training. None for `norm`.
    """

    width: Count = 32
    blocks: Blocks = "pooled"
    features: Features = "all"
    norm_scale: bool = True
    norm: Norm = "batch"
    test_norm: Annotated[Norm | None, TEST_ONLY] = None

    def nets(self, shape: EpisodeShape) -> Nets:
        """The classifier of training, and that of the test with the same weights.

        Raises:
          UserError: `test_norm` needs other weights or statistics than `norm`, or as of
            `classifier`.
        """
        after = ("batch", "support") if self.norm in ("batch", "support") else (self.norm,)
        if self.test_norm is not None and self.test_norm not in after:
            raise UserError(
                f"`test_norm` is {self.test_norm!r}; after `norm` {self.norm!r} it must be one of: "
                + ", ".join(after)
            )
        layout = Layout(self.blocks, self.features, self.norm_scale)
        trained, tested = (
            classifier(shape, self, self.width, one, layout)
            for one in (self.norm, self.test_norm or self.norm)
        )
        return Nets(trained.net, tested.net, tested.transductive)


class Nets(NamedTuple):
    """A classifier as it is trained and as it is tested, with equal weights."""

    trained: Functional
    tested: Functional
    transductive: bool  # whether the queries of a test episode share their statistics


def outer_training(
    adapted: Adapt, net: Functional, optimizer: optax.GradientTransformation
) -> TrainStep:
    """One step of the outer loop, down the mean error on the queries of a batch of episodes."""

    def error(
        params: PyTree, stats: PyTree, episode: Episode, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        own, other = jax.random.split(key)
        task = adapted(params, Supports(net, stats, episode.support_x, episode.support_y, own))
        scores = net.apply(task.weights, task.stats, episode.query_x, key=other)[0]
        wrong = optax.softmax_cross_entropy_with_integer_labels(scores, episode.query_y)
        return wrong.mean(), (scores.argmax(-1) == episode.query_y).mean()

    def train(state: State, episodes: Episode, key: jax.Array) -> tuple[State, Metrics]:
        keys = jax.random.split(key, episodes.support_y.shape[0])  # of what a backbone draws
        # Gradients are computed within each episode, so nothing is kept for the others.
        gradients = over_episodes(
            jax.value_and_grad(error, has_aux=True), state.params, state.stats
        )
        found = jax.tree.map(lambda leaf: leaf.mean(0), gradients(episodes, keys))
        (loss, accuracy), gradient = found
        return descended(optimizer, state, gradient), {"loss": loss, "accuracy": accuracy}

    return train
