"""The curves: what grows, for which learners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.growth.work import Point

LEARNERS = {
    "pixel_nn": ("pixel_nn", {}),
    "protonet": ("protonet", {}),
    "matching": ("matching", {}),
    "matching, full context": ("matching", {"full_context": True}),
    "logistic": ("logistic", {}),
    "maml": ("maml", {}),
}
TRAINED = {name: LEARNERS[name] for name in ("protonet", "matching", "maml")}


class Curve(NamedTuple):
    """How the cost of a task changes with one number."""

    title: str
    axis: str
    lines: Mapping[str, Mapping[int, Point]]  # name of a line -> x -> what is measured there
    by_cores: bool = False  # whether x is the number of cores

    def cores_of(self, x: str) -> int | None:
        """The cores of the process that measures at `x`; None: all."""
        return int(x) if self.by_cores else None


def _tests(option: str, values: tuple[int, ...], **others: int) -> dict[str, dict[int, Point]]:
    return {
        name: {x: Point("test", learner, settings, **{**others, option: x}) for x in values}
        for name, (learner, settings) in LEARNERS.items()
    }


def _trainings(option: str, values: tuple[int, ...], **others: int) -> dict[str, dict[int, Point]]:
    return {
        name: {x: Point("train", learner, settings, **{**others, option: x}) for x in values}
        for name, (learner, settings) in TRAINED.items()
    }


CURVES = {
    "way": Curve("test, 1 shot, 1 query a class", "way", _tests("way", (5, 20, 100, 300, 1000))),
    "shot": Curve("test, 5-way, 15 queries a class", "shot",
                  _tests("shot", (1, 5, 20, 50, 100), query=15)),
    "classes": Curve(
        "drawing episodes, 5-way 1-shot", "classes to draw from",
        {"uint8 images": {10**n: Point("sample", classes=10**n) for n in (3, 4, 5, 6)}},
    ),
    "size": Curve("training, 5-way 1-shot, 15 queries a class", "pixels of a side",
                  _trainings("size", (20, 28, 56, 84, 112, 224), query=15)),
    "batch": Curve("training, 5-way 1-shot, 15 queries a class", "tasks in a step",
                   _trainings("batch", (1, 2, 4, 8, 16, 32), query=15)),
    "test_cores": Curve("test, 5-way 1-shot, 15 queries a class", "cores",
                        {name: {n: Point("test", *one, query=15) for n in (1, 2)}
                         for name, one in LEARNERS.items()}, True),
    "train_cores": Curve("training, 4 tasks in a step", "cores",
                         {name: {n: Point("train", *one, query=15, batch=4) for n in (1, 2)}
                          for name, one in TRAINED.items()}, True),
}  # fmt: skip
