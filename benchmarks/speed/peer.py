"""A peer's own loop beside ours: Prototypical Networks on Omniglot by easyfsl.

Both sides train on the same arrays, those of the `vinyals` split, on one 5-way 1-shot episode with
15 queries a step, Conv4 and Adam with a rate of 0.001. Theirs is what easyfsl's users write: its
`TaskSampler` in a `DataLoader` of PyTorch, its `PrototypicalNetworks` on a network, its `evaluate`.
Their images are float tensors in memory, and the loader takes no further processes, which would
take the cores from the training. Ours is what `metabench run` does.

`training` compares steps, sampling included on both sides; `time to 95 %` the seconds until the
accuracy in 300 validation episodes, looked at every 100 steps, is 95 % or more: compilation and
validation are counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import jax.numpy as jnp
import numpy as np
import torch
from easyfsl.datasets import FewShotDataset
from easyfsl.methods import PrototypicalNetworks
from easyfsl.samplers import TaskSampler
from easyfsl.utils import evaluate
from torch.utils.data import DataLoader

from benchmarks.speed.torch_conv4 import conv4
from benchmarks.speed.turns import in_turns
from metabench import data
from metabench.learners.metric.protonet import protonet
from metabench.seeds import root_key
from metabench.tasks.class_table import class_table, find_split
from metabench.training.lengths import Lengths
from metabench.training.loop import Report
from metabench.training.meta_training import accuracy_on, initial_state, make_chunk, meta_train
from metabench.types import ClassTable, EpisodeShape

SHAPE = EpisodeShape(way=5, shot=1, query=15)
STEPS, RATE, TARGET = 20, 1e-3, 0.95
EVERY, EPISODES, MOST = 100, 300, 5000  # steps between validations, episodes of one, steps at most


class Drawings(FewShotDataset):
    """The drawings of a class table, as tensors."""

    def __init__(self, table: ClassTable) -> None:
        members, counts = np.asarray(table.members), np.asarray(table.counts)
        images = np.asarray(table.images)
        rows = [members[number, :count] for number, count in enumerate(counts)]
        pixels = images[np.concatenate(rows)].transpose(0, 3, 1, 2)
        self.images = torch.from_numpy(pixels.astype(np.float32) / 255)
        self.labels = np.repeat(np.arange(len(rows)), counts).tolist()

    def __getitem__(self, item: int) -> tuple[torch.Tensor, int]:
        """One image and its class."""
        return self.images[item], self.labels[item]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.labels)

    def get_labels(self) -> list[int]:
        """The classes of all images."""
        return self.labels


class Tasks(TaskSampler):
    """Its sampler, begun as PyTorch's sampler is now, which takes no `data_source`."""

    def __init__(self, dataset: Drawings, episodes: int) -> None:
        self.n_way, self.n_shot, self.n_query = SHAPE.way, SHAPE.shot, SHAPE.query
        self.n_tasks, self.items_per_label = episodes, {}
        for item, label in enumerate(dataset.get_labels()):
            self.items_per_label.setdefault(label, []).append(item)


class _Reached(Exception):
    """Ends the training from within its progress report."""


def measure(turns: int = 9) -> dict:
    """The ratio of their time to ours: for steps, and until the validation accuracy is there."""
    train, val = _tables()
    steps = in_turns(_our_steps(train), _their_steps(train), turns)
    ours, theirs = our_time(train, val), their_time(train, val)
    ratio = theirs["seconds"] / ours["seconds"]
    return {
        "easyfsl, training": {**steps, "episodes_per_s": STEPS / steps["ours_s"]},
        "easyfsl, time to 95 %": {
            "times": ratio,
            "s, ours": ours["seconds"],
            "steps, ours": ours["step"],
            "s, theirs": theirs["seconds"],
            "steps, theirs": theirs["step"],
        },
    }


def _tables() -> tuple[ClassTable, ClassTable]:
    dataset = data.load_or_prepare("omniglot", 28)
    split = find_split(dataset, "vinyals")
    return class_table(dataset, split, "train"), class_table(dataset, split, "val")


def _our_steps(table: ClassTable) -> Callable[[], object]:
    learner = protonet(SHAPE, learning_rate=RATE, decay="constant")
    chunk, state = make_chunk(learner, SHAPE, batch=1), [initial_state(learner, 0)]

    def run() -> None:
        state[0], metrics = chunk(state[0], table, root_key(0), jnp.int32(0), STEPS)
        metrics["loss"].block_until_ready()

    return run


def our_time(train: ClassTable, val: ClassTable) -> dict:
    """Seconds and steps until the accuracy is reached."""
    learner = protonet(SHAPE, learning_rate=RATE, decay="constant")
    plan = Lengths(MOST, validate_every=EVERY, validation_episodes=EPISODES)
    found, began = {}, time.perf_counter()

    def watch(report: Report) -> None:
        if report.validation is not None and report.validation >= TARGET:
            found.update(seconds=time.perf_counter() - began, step=report.step)
            raise _Reached

    validate = accuracy_on(learner, val, SHAPE, EPISODES)
    with suppress(_Reached):
        meta_train(learner, SHAPE, train, validate, plan, seed=0, progress=watch)
    return found


def _loader(dataset: Drawings, episodes: int) -> DataLoader:
    sampler = Tasks(dataset, episodes)
    return DataLoader(dataset, batch_sampler=sampler, collate_fn=sampler.episodic_collate_fn)


class _Theirs:
    """A training as easyfsl's users write it."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = PrototypicalNetworks(conv4()).train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), RATE)
        self.loss = torch.nn.CrossEntropyLoss()

    def epoch(self, loader: DataLoader) -> None:
        self.model.train()
        for supports, support_labels, queries, query_labels, _ in loader:
            self.optimizer.zero_grad()
            self.model.process_support_set(supports, support_labels)
            self.loss(self.model(queries), query_labels).backward()
            self.optimizer.step()


def _their_steps(table: ClassTable) -> Callable[[], object]:
    theirs, loader = _Theirs(), _loader(Drawings(table), STEPS)
    return lambda: theirs.epoch(loader)


def their_time(train: ClassTable, val: ClassTable) -> dict:
    """Seconds and steps until the accuracy is reached."""
    drawings, held = Drawings(train), Drawings(val)
    theirs, began = _Theirs(), time.perf_counter()
    for step in range(EVERY, MOST + 1, EVERY):
        theirs.epoch(_loader(drawings, EVERY))
        accuracy = evaluate(theirs.model, _loader(held, EPISODES), device="cpu", use_tqdm=False)
        if accuracy >= TARGET:
            return {"seconds": time.perf_counter() - began, "step": step}
    return {"seconds": time.perf_counter() - began, "step": MOST}
