"""What speaks against the figures of a result, in sentences for the last lines of a run."""

from __future__ import annotations

from collections.abc import Iterator

from metabench.results.result import Result, SeedRun


def warnings(result: Result) -> list[str]:
    """A line for each doubt about each seed; none where nothing is wrong."""
    number = result.protocol.episodes
    return [
        f"WARNING: {f'seed {run.seed}: ' if len(result.runs) > 1 else ''}{doubt}"
        for run in result.runs
        for doubt in _of_run(run, number)
    ]


def _of_run(run: SeedRun, episodes: int) -> Iterator[str]:
    if run.nan_episodes is not None:
        yield (
            f"in {run.nan_episodes:,} of {episodes:,} test episodes the learner answered with "
            "scores that are no numbers (NaN); such queries count as wrong"
        )
    if run.alike_answers:
        yield (
            "in every test episode all queries got the same answer: the learner does not tell the "
            "classes apart, as after a training or an adaptation that diverged"
        )
    if run.high_loss is not None:
        yield (
            f"the training loss before the tested step is {run.high_loss:.3g}, far above that of "
            "guessing: the training seems to have diverged; lower its rates"
        )
