"""Training the Neural Statistician's small networks: 16 sets of 5 images a step, Adam.

Ours is the training loop of `metabench run`, with sampling, dilation and reflection. PyTorch's
side is eager, as its public codes are, and gets sets that were drawn beforehand and are only
binarised anew. Both on images of 28×28 in float32.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import torch

from benchmarks.speed.torch_statistician import Statistician
from benchmarks.speed.turns import in_turns
from metabench.learners.sets.neural_statistician import neural_statistician
from metabench.seeds import root_key
from metabench.training.meta_training import initial_state, make_chunk
from metabench.types import ClassTable, EpisodeShape

SHAPE = EpisodeShape(way=5, shot=1, query=15)
SIZES = {"width": 32, "hidden": 256, "context": 128, "latent": 5}
STEPS, SETS, MEMBERS, RATE, CLAMP, CLASSES, EXAMPLES = 10, 16, 5, 1e-3, 0.5, 200, 20


def measure(turns: int = 15) -> dict:
    """The ratio of PyTorch's time to ours, and sets a second."""
    row = in_turns(_ours(), _theirs(), turns)
    return {"statistician": {**row, "episodes_per_s": STEPS * SETS / row["ours_s"]}}


def _ours() -> Callable[[], object]:
    count = CLASSES * EXAMPLES
    table = ClassTable(
        images=jax.random.bits(jax.random.key(0), (count, *SHAPE.image), jnp.uint8),
        members=jnp.arange(count, dtype=jnp.int32).reshape(CLASSES, EXAMPLES),
        counts=jnp.full(CLASSES, EXAMPLES, jnp.int32),
        class_ids=jnp.arange(CLASSES, dtype=jnp.int32),
    )
    learner = neural_statistician(
        SHAPE, **SIZES, set_size=MEMBERS, train_way=SETS, clamp=CLAMP, learning_rate=RATE
    )
    chunk, state = make_chunk(learner, learner.training.shape, 1), [initial_state(learner, 0)]

    def run() -> None:
        state[0], metrics = chunk(state[0], table, root_key(0), jnp.int32(0), STEPS)
        jax.block_until_ready(metrics)

    return run


def _theirs() -> Callable[[], object]:
    torch.manual_seed(0)
    net = Statistician(**SIZES).train()
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    grey = torch.rand(STEPS, SETS, MEMBERS, 1, 28, 28)

    def run() -> None:
        for pixels in grey:
            stay = (torch.rand(SETS, MEMBERS) > 0.5).float()
            stay[:, 0] = 1.0
            loss = net(torch.bernoulli(pixels), stay, 1.0)
            optimizer.zero_grad()
            loss.backward()
            for one in net.parameters():
                one.grad.clamp_(-CLAMP, CLAMP)
            optimizer.step()

    return run
