"""From results to ranked rows and paired comparisons. No rendering."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from metabench.results import document as results
from metabench.results.result import Result
from metabench.scoring.summary import Summary, presentations, summarise
from metabench.types import Protocol


class Published(NamedTuple):
    """A figure from a paper, in percent, with what must be known to compare it."""

    learner: str  # our name of the algorithm
    paper: str
    year: int
    dataset: str
    splits: tuple[str, ...]  # our splits that are nearest to the paper's
    way: int
    shot: int
    accuracy: float
    ci95: float | None
    note: str
    settings: Mapping[str, Any] = MappingProxyType({})  # of our learner, if only these match


class PublishedOnline(NamedTuple):
    """A row of a paper's table of the online protocol, in percent."""

    learner: str  # our name of the algorithm, if there is one
    paper: str
    year: int
    way: int
    labels: str
    accuracy: dict[str, float]  # "1", "2", … -> at this presentation
    note: str


class Row(NamedTuple):
    """One entry of a leaderboard; accuracies are fractions."""

    rank: int
    result: Result
    mean: float  # over episodes and seeds
    ci95: float  # over episodes, of the seeds' mean in each
    seed_spread: float | None  # standard deviation over training seeds; None with one
    behind: Summary | None  # paired difference to the first row; None for the first


def overall(result: Result) -> Summary:
    """Mean and interval over episodes, each episode's accuracy averaged over the seeds."""
    return summarise(_episodes(result), result.protocol.way * result.protocol.query)


def by_presentation(result: Result) -> list[Summary]:
    """Online protocol: accuracy at the 1st, 2nd, … presentation, averaged over the seeds."""
    return presentations(*_at_presentations(result))


def paired_at(better: Result, other: Result, presentation: int) -> Summary:
    """Online protocol: `paired` at one presentation, counted from 1."""
    (one, shown), (another, _) = _at_presentations(better), _at_presentations(other)
    return presentations(one - another, shown)[presentation - 1]


def _at_presentations(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Right answers, averaged over the seeds, and images: [streams, presentations] each."""
    counts = np.array([run.by_presentation for run in result.runs], np.float64).mean(0)
    images = result.presented or np.full(counts.shape, result.protocol.way)
    number = result.protocol.query
    return counts[:, :number], np.asarray(images)[:, :number]


def seed_spread(result: Result) -> float | None:
    """Standard deviation of the accuracy over training seeds; None with fewer than two."""
    means = [run.accuracy for run in result.runs]
    return float(np.std(means, ddof=1)) if len(means) > 1 else None


def paired(better: Result, other: Result) -> Summary:
    """Mean of `better - other` over the episodes, which are the same, with its 95 % interval."""
    queries = better.protocol.way * better.protocol.query
    return summarise(_episodes(better) - _episodes(other), queries)


def comparable(result: Result) -> tuple[str, str, str]:
    """Results with the same triple were tested on the same episodes with the same pixels."""
    return result.protocol.id, result.dataset_digest, result.episode_digest


def rank(entries: Iterable[Result]) -> dict[tuple[str, str, str], list[Row]]:
    """Rows for each group of comparable results, the best first."""
    groups: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in entries:
        groups[comparable(result)].append(result)
    return {group: _rows(found) for group, found in sorted(groups.items())}


def collect(folder: Path) -> list[Result]:
    """Every result below `folder`; `UserError` names a file that is not a result."""
    return [results.read(path) for path in sorted(folder.glob("*/*.json"))]


def published(protocol: Protocol) -> list[Published]:
    """What papers report for `protocol`'s dataset, split, way and shot."""
    return [
        row
        for row in _table()
        if (row.dataset, row.way, row.shot) == (protocol.dataset, protocol.way, protocol.shot)
        and protocol.split in row.splits
    ]


def published_for(result: Result) -> Published | None:
    """The figure of the paper that `result`'s learner comes from, if it reports this protocol."""
    for row in published(result.protocol):
        asked = {name: result.hyperparameters.get(name) for name in row.settings}
        if row.learner == result.learner and asked == dict(row.settings):
            return row
    return None


def published_online(protocol: Protocol) -> list[PublishedOnline]:
    """What papers report for the same number of classes and label codes, on any split."""
    text = files("metabench.results").joinpath("published_online.json").read_text("utf-8")
    rows = [PublishedOnline(**row) for row in json.loads(text)]
    if protocol.dataset != "omniglot":
        return []
    if protocol.independent:
        return []  # the papers' classes come equally often
    return [row for row in rows if (row.way, row.labels) == (protocol.way, protocol.labels)]


def _table() -> Sequence[Published]:
    text = files("metabench.results").joinpath("published.json").read_text("utf-8")
    return [Published(**{**row, "splits": tuple(row["splits"])}) for row in json.loads(text)]


def _episodes(result: Result) -> np.ndarray:
    """Correct queries in each episode, averaged over the seeds."""
    return np.array([run.correct for run in result.runs], np.float64).mean(0)


def _rows(found: list[Result]) -> list[Row]:
    best_first = sorted(found, key=lambda result: (-overall(result).mean, result.learner))
    rows = []
    for place, result in enumerate(best_first, start=1):
        summary = overall(result)
        behind = None if place == 1 else paired(best_first[0], result)
        rows.append(Row(place, result, *summary, seed_spread(result), behind))
    return rows
