"""Seconds of meta-training until the validation accuracy reaches 95 %, on real Omniglot.

Matching Networks, 5-way 1-shot, the committed recipe, validated every 100 steps;
compilation and validation are counted. Needs Omniglot prepared or its archives.
"""

from __future__ import annotations

from contextlib import suppress

from metabench import data, recipes, registry
from metabench.tasks.class_table import class_table, find_split
from metabench.training.lengths import lengths_of
from metabench.training.loop import Report
from metabench.training.meta_training import accuracy_on, meta_train
from metabench.types import EpisodeShape

TARGET = 0.95


class _Reached(Exception):
    """Ends the training from within its progress report."""


def measure(learner: str = "matching", target: float = TARGET) -> dict:
    """Seconds, steps and the accuracy reached; None for all where the recipe ends below it."""
    dataset = data.load_or_prepare("omniglot", 28)
    split = find_split(dataset, "vinyals")
    shape = EpisodeShape(way=5, shot=1, query=15)
    recipe = recipes.find("omniglot", learner, shape.way, shape.shot)
    plan = lengths_of({**recipe.train, "validate_every": 100})
    built = registry.build_learner(learner, shape, {"steps": plan.steps, **recipe.learner})
    table, validation = (class_table(dataset, split, part) for part in ("train", "val"))
    validate = accuracy_on(built, validation, shape, plan.validation_episodes)
    found = {"target": target, "seconds": None, "step": None, "accuracy": None}

    def watch(report: Report) -> None:
        accuracy = report.validation
        if accuracy is not None and accuracy >= target:
            seconds = report.step * plan.batch / report.episodes_per_second
            found.update(seconds=seconds, step=report.step, accuracy=accuracy)
            raise _Reached

    with suppress(_Reached):
        meta_train(built, shape, table, validate, plan, seed=0, progress=watch)
    return found
