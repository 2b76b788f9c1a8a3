"""Training MANN: 16 streams of 50 steps (5 classes, 20×20 images), forward, backward, Adam.

Ours is the training loop of `metabench run --protocol online`, sampling included. PyTorch's
side is eager, as its public codes are, on streams that were drawn beforehand.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import torch
import torch.nn.functional as F

from benchmarks.speed.torch_mann import Mann
from benchmarks.speed.turns import in_turns
from metabench.learners.recurrent.mann import mann
from metabench.seeds import root_key
from metabench.training.meta_training import initial_state, make_chunk
from metabench.types import ClassTable, StreamShape

SHAPE = StreamShape(way=5, presentations=10)
STEPS, BATCH, RATE, CLASSES, EXAMPLES = 5, 16, 1e-3, 200, 20


def measure(turns: int = 9) -> dict:
    """The ratio of PyTorch's time to ours, and streams a second."""
    row = in_turns(_ours(), _theirs(), turns)
    return {"memory": {**row, "episodes_per_s": STEPS * BATCH / row["ours_s"]}}


def _ours() -> Callable[[], object]:
    count = CLASSES * EXAMPLES
    table = ClassTable(
        images=jax.random.bits(jax.random.key(0), (count, *SHAPE.image), jnp.uint8),
        members=jnp.arange(count, dtype=jnp.int32).reshape(CLASSES, EXAMPLES),
        counts=jnp.full(CLASSES, EXAMPLES, jnp.int32),
        class_ids=jnp.arange(CLASSES, dtype=jnp.int32),
    )
    learner = mann(SHAPE, learning_rate=RATE, decay="constant", clip=None, warmup=0)
    chunk, state = make_chunk(learner, SHAPE, BATCH), [initial_state(learner, 0)]

    def run() -> None:
        state[0], metrics = chunk(state[0], table, root_key(0), jnp.int32(0), STEPS)
        jax.block_until_ready(metrics)

    return run


def _theirs() -> Callable[[], object]:
    torch.manual_seed(0)
    inputs = SHAPE.image[0] * SHAPE.image[1] + SHAPE.way
    net = Mann(inputs, SHAPE.way)
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    xs = torch.rand(STEPS, SHAPE.steps, BATCH, inputs)
    ys = torch.randint(0, SHAPE.way, (STEPS, SHAPE.steps * BATCH))

    def run() -> None:
        for x, y in zip(xs, ys, strict=True):
            loss = F.cross_entropy(net(x).flatten(0, 1), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run
