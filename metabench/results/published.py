"""Figures of papers, the conditions that they hold under, and the results that they stand beside.

A figure stands beside a result if both answer the same question: the same learner with the same
settings, on images of the same size, of classes chosen in the same way and from nearly the same
part of the same dataset, with or without transduction. Other conditions (how many classes were
trained on, what the checkpoint was chosen by, how many queries and episodes were tested) are named
beside it. A figure that answers another question is shown apart, with the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from metabench import registry
from metabench.results.result import Result

Selection: TypeAlias = Literal["best on validation classes", "best on test classes", "last"]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Conditions(NamedTuple):
    """What a figure holds under. None: the paper does not say, or it makes no difference."""

    split: str  # the paper's, in words
    splits: Mapping[str, str]  # ours with nearly its test classes -> how they differ, or ""
    pixels: int | None = None
    within_alphabet: bool | None = False
    transductive: bool | None = None
    settings: Mapping[str, Any] = NOTHING  # of our learner; a name that a result lacks is no matter
    variant: str = ""  # what the paper does there and our learner does not
    trained_on: str | None = None  # dataset of meta-training; None: that of the test
    classes: int | None = None  # of meta-training; rotated ones are not counted
    selection: Selection | None = None  # of the checkpoint that is tested
    query: int | None = None  # in each class
    episodes: int | None = None  # of the test


class Published(NamedTuple):
    """A figure from a paper, in percent, with what must be known to compare it."""

    learner: str  # our name of the algorithm
    paper: str
    year: int
    dataset: str
    way: int
    shot: int
    accuracy: float
    ci95: float | None
    conditions: Conditions
    note: str = ""
    checked: bool = True  # against the paper or a copy of its table

    @property
    def source(self) -> str:
        """Who reports it, for example `Snell et al. 2017`."""
        return f"{self.paper} {self.year}"

    @property
    def figure(self) -> str:
        """The accuracy in percent, with its interval if there is one."""
        return str(self.accuracy) + ("" if self.ci95 is None else f" ± {self.ci95}")


class Quoted(NamedTuple):
    """A figure and how its conditions differ from those of a result, in words."""

    published: Published
    differences: tuple[str, ...]


def published_for(result: Result) -> Published | None:
    """The figure that stands beside `result`: the first of `beside`."""
    found = beside(result)
    return found[0].published if found else None


def beside(result: Result) -> list[Quoted]:
    """Figures that answer the same question, the one of the learner's own paper first."""
    return [
        Quoted(row, tuple(_minor(row, result)))
        for row in _candidates(result)
        if not any(_decisive(row, result))
    ]


def apart(result: Result) -> list[Quoted]:
    """Figures of the same learner, dataset, way and shot that answer another question, and why."""
    found = (Quoted(row, tuple(_decisive(row, result))) for row in _candidates(result))
    return [quoted for quoted in found if quoted.differences]


def _candidates(result: Result) -> list[Published]:
    protocol = result.protocol
    wanted = (result.learner, protocol.dataset, protocol.way, protocol.shot)
    return [row for row in table() if (row.learner, row.dataset, row.way, row.shot) == wanted]


def _decisive(row: Published, result: Result) -> Iterator[str]:
    """Differences with which the two figures answer different questions."""
    asked, protocol = row.conditions, result.protocol
    if asked.variant:
        yield f"{asked.variant}, here not"
    for name, value in asked.settings.items():
        if result.hyperparameters.get(name, value) != value:
            yield f"{name}={typed(value)}, here {typed(result.hyperparameters[name])}"
    if "backbone" in result.hyperparameters:  # it stands there only where it is not the default
        yield f"the paper's network, here backbone={result.hyperparameters['backbone']}"
    if asked.pixels not in (None, protocol.image_size):
        yield f"{_square(asked.pixels)} pixels, here {_square(protocol.image_size)}"
    if asked.within_alphabet not in (None, protocol.within_alphabet):
        words = {False: "of any alphabet", True: "of one alphabet"}
        theirs, ours = words[not protocol.within_alphabet], words[protocol.within_alphabet]
        yield f"classes of an episode {theirs}, here {ours}"
    if asked.transductive not in (None, result.transductive):
        yield "transductive, here not" if asked.transductive else "not transductive, here it is"
    if protocol.shot_spread or protocol.query_spread:
        yield "as many images of each class, here unequal numbers"
    if protocol.split not in asked.splits:
        yield f"split: {asked.split}, here {protocol.split}"
    if result.trained:
        ours = _training(result)[0]
        if ours != (asked.trained_on or row.dataset):
            yield f"meta-trained on {asked.trained_on or row.dataset}, here on {ours}"
    if not row.checked:
        yield "this figure was not checked against the paper"


def _minor(row: Published, result: Result) -> Iterator[str]:
    """Other differences, which are named."""
    asked, protocol = row.conditions, result.protocol
    if asked.splits.get(protocol.split):
        yield f"split: {asked.splits[protocol.split]}"
    if result.trained:
        yield from _training_differences(asked, result)
    if asked.query not in (None, protocol.query):
        unit = "query" if asked.query == 1 else "queries"
        yield f"{asked.query} {unit} per class, here {protocol.query}"
    if asked.episodes not in (None, protocol.episodes):
        yield f"{asked.episodes:,} test episodes, here {protocol.episodes:,}"
    if row.note:
        yield row.note


def _training_differences(asked: Conditions, result: Result) -> Iterator[str]:
    number, noun = _classes(*_training(result))
    if None not in (asked.classes, number) and asked.classes != number:
        yield f"trained on {asked.classes:,} {noun}, here on {number:,}"
    chosen = any(run.validation_accuracy is not None for run in result.runs)
    selection: Selection = "best on validation classes" if chosen else "last"
    if asked.selection not in (None, selection):
        yield f"checkpoint: {asked.selection}, here {selection}"


def _training(result: Result) -> tuple[str, str]:
    """The dataset and the split of meta-training."""
    protocol = result.protocol
    if protocol.trained_on is None:
        return protocol.dataset, protocol.split
    dataset, _, split = protocol.trained_on.rpartition("/")
    return dataset, split


@cache
def _classes(dataset: str, split: str) -> tuple[int | None, str]:
    """How many classes a split has for meta-training, and what they are called.

    Classes that are rotated ones of others are not counted. None if the split is not registered.
    """
    known = registry.dataset(dataset).splits if dataset in registry.names("datasets") else {}
    if split not in known:
        return None, "classes"
    found = known[split]()
    return len(found.parts["train"]), "characters" if found.rotations > 1 else "classes"


def typed(value: object) -> str:
    """A setting as it would be typed."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _square(side: int | None) -> str:
    return f"{side} × {side}"


@cache
def table() -> tuple[Published, ...]:
    """Every figure of `published.json`, whose rows are lines of papers' tables.

    The `figures` of a row are way, shot, accuracy and half-width of the 95 % interval.
    """
    text = files("metabench.results").joinpath("published.json").read_text("utf-8")
    return tuple(figure for row in json.loads(text) for figure in _figures(**row))


def _figures(
    figures: list[list[Any]], conditions: dict[str, Any], **line: Any
) -> Iterator[Published]:
    """The figures of a row, which differ in way and shot."""
    for way, shot, accuracy, ci95 in figures:
        found = {"way": way, "shot": shot, "accuracy": accuracy, "ci95": ci95}
        yield Published(**line, **found, conditions=Conditions(**conditions))
