"""What makes a result doubtful, as far as its file alone can tell. Nothing is measured again.

The reader of result files (`document.py`) has compared means with counts, and counts with the
number of queries. A file whose counts and all that follows from them were edited together passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from metabench.results.result import Result
from metabench.results.status import unfit
from metabench.scoring.summary import summarise
from metabench.tasks.protocols import frozen

AN_ID = re.compile(r".+-v\d+")  # what a folder is called that is named after a protocol


def doubts(result: Result, folder: str | None = None) -> Iterator[str]:
    """Sentences without a subject on what does not fit together in `result`.

    Args:
      result: as read from its file.
      folder: name of the folder in which the file lies, if any.
    """
    yield from _of_digests(result)
    yield from _of_runs(result)
    yield from unfit(result)
    protocol = result.protocol.id
    if folder is not None and folder != protocol and AN_ID.fullmatch(folder):
        yield f"lies in the folder of another protocol: it was measured under {protocol}"


def _of_digests(result: Result) -> Iterator[str]:
    golden = frozen(result.protocol)
    for name in ("dataset", "episode"):
        field = f"{name}_digest"
        stated, measured = getattr(result.protocol, field), getattr(result, field)
        if stated != measured:
            yield f"has two digests of its {name}s: {stated[:12]} and {measured[:12]}"
        elif measured != getattr(golden, field, measured):
            yield (
                f"was measured on other {name}s than those of the frozen protocol: their digest "
                f"is {measured[:12]}, and must be {getattr(golden, field)[:12]}"
            )


def _of_runs(result: Result) -> Iterator[str]:
    seeds = [run.seed for run in result.runs]
    if len(set(seeds)) < len(seeds):
        yield f"has a training seed twice: {', '.join(map(str, seeds))}"
    queries = result.protocol.way * result.protocol.query
    for number, run in enumerate(result.runs):
        found = summarise(np.array(run.correct), queries).ci95
        if abs(found - run.ci95) > 1e-6:
            yield f"has runs/{number}/ci95 {run.ci95}, but its counts give {found:.6f}"
