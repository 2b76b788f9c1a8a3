"""Evaluation: a trained Prototypical Network on 5-way 1-shot episodes, images to correct counts.

Both sides run the same Conv4 (64 channels, running statistics) over the same uint8
episodes: cast, embed 80 images, prototypes, distances, count. PyTorch runs in
`eval` and `inference_mode`, one episode a call as its few-shot codes do and in the faster of
its two memory formats; a second row gives it batches of 16 episodes.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import torch

from benchmarks.speed.torch_conv4 import conv4, fastest_format
from benchmarks.speed.turns import in_turns
from metabench.learners.metric.protonet import protonet
from metabench.scoring.episodes import evaluate, make_evaluator
from metabench.seeds import root_key
from metabench.tasks.episodes import sample_batch
from metabench.types import ClassTable, EpisodeShape

SHAPE = EpisodeShape(way=5, shot=1, query=15)
EPISODES = 64


def measure(turns: int = 9) -> dict:
    """The ratio against PyTorch one episode at a time, and in batches."""
    count = 200 * 20
    table = ClassTable(
        images=jax.random.bits(jax.random.key(0), (count, 28, 28, 1), jnp.uint8),
        members=jnp.arange(count, dtype=jnp.int32).reshape(200, 20),
        counts=jnp.full(200, 20, jnp.int32),
        class_ids=jnp.arange(200, dtype=jnp.int32),
    )
    learner = protonet(SHAPE)
    state, run = learner.init(jax.random.key(0)), make_evaluator(learner, SHAPE)
    ours = partial(evaluate, learner, state, table, SHAPE, seed=0, episodes=EPISODES, evaluator=run)

    sample = jax.jit(partial(sample_batch, root_key(0), table=table, shape=SHAPE))
    episodes = sample(jnp.arange(EPISODES))
    tensors = [torch.from_dlpack(jnp.array(leaf)) for leaf in episodes[:4]]
    net = conv4().eval()
    form = fastest_format(net)
    found = {}
    for batch in (1, 16):
        theirs = partial(_theirs, net, tensors, batch, form)
        row = in_turns(ours, theirs, turns)
        name = "evaluation" if batch == 1 else f"evaluation_batches_of_{batch}"
        found[name] = {**row, "episodes_per_s": EPISODES / row["ours_s"]}
    return found


@torch.inference_mode()
def _theirs(net, tensors, batch: int, form) -> list:
    counts = []
    for start in range(0, EPISODES, batch):
        support, labels, query, answers = (leaf[start : start + batch] for leaf in tensors)
        pixels = torch.cat([support, query], 1).flatten(0, 1).permute(0, 3, 1, 2)
        images = (pixels.float() / 255).contiguous(memory_format=form)
        features = net(images).view(batch, SHAPE.supports + SHAPE.queries, -1)
        supports, queries = features.split([SHAPE.supports, SHAPE.queries], 1)
        member = torch.nn.functional.one_hot(labels.long(), SHAPE.way).float()
        prototypes = member.transpose(1, 2) @ supports / SHAPE.shot
        guess = torch.cdist(queries, prototypes).argmin(-1)
        counts.append((guess == answers).sum(-1))
    return counts
