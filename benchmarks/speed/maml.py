"""Meta-training: one step of second-order MAML, 5-way 1-shot, four tasks, three inner steps.

Ours is what `metabench run` does, sampling included. PyTorch's side has `torch.func`: functional
gradients within gradients, vectorised over the tasks by `vmap`, or task by task in a loop; the
faster one counts. Its images are drawn beforehand. All float32, 32 channels, batch statistics.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import torch
import torch.nn.functional as F
from torch import func

from benchmarks.speed.turns import in_turns
from metabench.compute.devices import copied
from metabench.learners.gradient.maml import maml
from metabench.seeds import root_key
from metabench.training.meta_training import initial_state, make_chunk
from metabench.training.spreading import training_devices
from metabench.types import ClassTable, EpisodeShape

SHAPE = EpisodeShape(way=5, shot=1, query=15)
STEPS, TASKS, INNER, RATE, WIDTH = 3, 4, 3, 0.1, 32
CLASSES, EXAMPLES = 200, 20
Weights = dict[str, torch.Tensor]


def measure(turns: int = 10) -> dict:
    """The ratio of PyTorch's time to ours, against its faster form; ours rematerialised too."""
    rivals = {"vmap": theirs(True), "loop": theirs(False)}
    rows = {name: in_turns(ours(), rival, turns) for name, rival in rivals.items()}
    rival = min(rows, key=lambda name: rows[name]["theirs_s"])
    row = rows[rival]
    found = {"maml": {**row, "rival": rival, "episodes_per_s": STEPS * TASKS / row["ours_s"]}}
    for name, rematerialise in {"kept": False, "rematerialised": True}.items():
        found[f"maml memory, {name}"] = {"MB of temporaries": temporaries(rematerialise)}
    return found


def table() -> ClassTable:
    """Classes of noise."""
    count = CLASSES * EXAMPLES
    return ClassTable(
        images=jax.random.bits(jax.random.key(0), (count, *SHAPE.image), jnp.uint8),
        members=jnp.arange(count, dtype=jnp.int32).reshape(CLASSES, EXAMPLES),
        counts=jnp.full(CLASSES, EXAMPLES, jnp.int32),
        class_ids=jnp.arange(CLASSES, dtype=jnp.int32),
    )


def chunk_of(rematerialise: bool) -> tuple[Callable, tuple]:
    """The compiled chunk of the training loop, and its arguments."""
    learner = maml(
        SHAPE,
        inner_steps=INNER,
        inner_rate=RATE,
        width=WIDTH,
        decay="constant",
        rematerialise=rematerialise,
    )
    run = make_chunk(learner, SHAPE, batch=TASKS)
    first, data = copied((initial_state(learner, 0), table()), training_devices(learner, TASKS))
    return run, (first, data, root_key(0), jnp.int32(0), STEPS)


def temporaries(rematerialise: bool) -> float:
    """What the compiled chunk needs beside its arguments and results, in MB."""
    run, arguments = chunk_of(rematerialise)
    return run.lower(*arguments).compile().memory_analysis().temp_size_in_bytes / 1e6


def ours() -> Callable[[], object]:
    """A chunk of `STEPS` steps of the training loop."""
    chunk, (first, *rest) = chunk_of(False)
    state = [first]

    def run() -> None:
        state[0], metrics = chunk(state[0], *rest)
        jax.block_until_ready(metrics)

    return run


def theirs(vectorised: bool) -> Callable[[], object]:
    """`STEPS` steps of PyTorch, all tasks at once or one by one."""
    torch.manual_seed(0)
    weights = initial_weights()
    optimizer = torch.optim.Adam(weights.values(), 1e-3)
    size = (STEPS, TASKS, SHAPE.supports + SHAPE.queries, 1, 28, 28)
    steps = torch.randint(0, 256, size, dtype=torch.uint8)
    over_tasks = func.vmap(task_error, in_dims=(None, 0))

    def run() -> None:
        for tasks in steps:
            images = tasks.float() / 255
            if vectorised:
                loss = over_tasks(weights, images).mean()
            else:
                loss = torch.stack([task_error(weights, task) for task in images]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def initial_weights() -> Weights:
    """Four blocks and a linear layer."""
    weights = {}
    for number, channels in enumerate((1, WIDTH, WIDTH, WIDTH)):
        weights[f"kernel{number}"] = torch.randn(WIDTH, channels, 3, 3) * (2 / 9 / channels) ** 0.5
        weights[f"scale{number}"] = torch.ones(WIDTH)
        weights[f"bias{number}"] = torch.zeros(WIDTH)
    weights["matrix"] = torch.randn(SHAPE.way, WIDTH) / WIDTH**0.5
    weights["offset"] = torch.zeros(SHAPE.way)
    return {name: value.requires_grad_() for name, value in weights.items()}


def logits(weights: Weights, x: torch.Tensor) -> torch.Tensor:
    """[n, 1, 28, 28] to [n, way], normalised by the statistics of these images."""
    for number in range(4):
        x = F.conv2d(x, weights[f"kernel{number}"], padding=1)
        scale, bias = weights[f"scale{number}"], weights[f"bias{number}"]
        x = F.batch_norm(x, None, None, scale, bias, training=True)
        x = F.max_pool2d(F.relu(x), 2)
    return F.linear(x.flatten(1), weights["matrix"], weights["offset"])


def task_error(weights: Weights, images: torch.Tensor) -> torch.Tensor:
    """The error on the queries of one task after the inner loop on its supports."""
    supports, queries = images.split([SHAPE.supports, SHAPE.queries])
    labels = torch.arange(SHAPE.way)

    def inner(weights: Weights) -> torch.Tensor:
        return F.cross_entropy(logits(weights, supports), labels)

    for _ in range(INNER):
        gradient = func.grad(inner)(weights)
        weights = {name: value - RATE * gradient[name] for name, value in weights.items()}
    return F.cross_entropy(logits(weights, queries), labels.repeat_interleave(SHAPE.query))
