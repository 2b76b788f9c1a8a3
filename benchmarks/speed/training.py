"""Meta-training: Prototypical Networks, one 5-way 1-shot episode with 15 queries a step.

Ours is what `metabench run` does: compiled chunks that draw each episode, embed its 80
images by Conv4 with batch statistics, and take a step of Adam. PyTorch's side is eager, as its
few-shot codes are, with episodes drawn beforehand, which spares it the sampling. It takes
part in both memory formats; the faster one counts. All float32. Ours uses Winograd's
algorithm for the inner convolutions, which needs fewer multiplications for the same result.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import torch
import torch.nn.functional as F

from benchmarks.speed.torch_conv4 import conv4
from benchmarks.speed.turns import in_turns
from metabench.learners.metric.protonet import protonet
from metabench.seeds import root_key
from metabench.training.meta_training import initial_state, make_chunk
from metabench.types import ClassTable, EpisodeShape

SHAPE = EpisodeShape(way=5, shot=1, query=15)
STEPS, RATE, CLASSES, EXAMPLES = 10, 1e-3, 200, 20
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def measure(turns: int = 15) -> dict:
    """The ratio of PyTorch's time to ours, against its faster memory format."""
    rows = {name: in_turns(ours(), theirs(form), turns) for name, form in FORMATS.items()}
    rival = min(rows, key=lambda name: rows[name]["theirs_s"])
    row = rows[rival]
    return {"training": {**row, "rival": rival, "episodes_per_s": STEPS / row["ours_s"]}}


def ours() -> Callable[[], object]:
    """A chunk of `STEPS` steps of the training loop."""
    count = CLASSES * EXAMPLES
    table = ClassTable(
        images=jax.random.bits(jax.random.key(0), (count, *SHAPE.image), jnp.uint8),
        members=jnp.arange(count, dtype=jnp.int32).reshape(CLASSES, EXAMPLES),
        counts=jnp.full(CLASSES, EXAMPLES, jnp.int32),
        class_ids=jnp.arange(CLASSES, dtype=jnp.int32),
    )
    learner = protonet(SHAPE, learning_rate=RATE, decay="constant")
    chunk = make_chunk(learner, SHAPE, batch=1)
    state = [initial_state(learner, 0)]

    def run() -> None:
        state[0], metrics = chunk(state[0], table, root_key(0), jnp.int32(0), STEPS)
        jax.block_until_ready(metrics)

    return run


def theirs(form: torch.memory_format) -> Callable[[], object]:
    """`STEPS` steps of PyTorch in one memory format."""
    torch.manual_seed(0)
    net = conv4().train().to(memory_format=form)
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    size = (STEPS, SHAPE.supports + SHAPE.queries, 1, 28, 28)
    episodes = torch.randint(0, 256, size, dtype=torch.uint8)
    labels = torch.arange(SHAPE.way).repeat_interleave(SHAPE.query)

    def run() -> None:
        for pixels in episodes:
            features = net((pixels.float() / 255).contiguous(memory_format=form))
            supports, queries = features.split([SHAPE.supports, SHAPE.queries])
            prototypes = supports.view(SHAPE.way, SHAPE.shot, -1).mean(1)
            distances = (queries[:, None] - prototypes[None]).square().sum(-1)
            loss = F.cross_entropy(-distances, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run
