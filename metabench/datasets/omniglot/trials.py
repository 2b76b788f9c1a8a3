"""Lake's one-shot trials: 20 runs, each 20 characters of one alphabet, drawn by two people.

A run shows one drawing of each of its characters by one person. The task is to say for each
of the 20 drawings of the other person which character it is: 400 trials, always the same.
For each character the drawing that is shown comes first, the one to classify second.

Lake, Salakhutdinov & Tenenbaum, "Human-level concept learning through
probabilistic program induction", Science 350 (2015).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from metabench.contracts.dataset import Archive, DatasetSpec, Records
from metabench.data.splits import digest_of
from metabench.datasets.omniglot import dataset as omniglot
from metabench.files.progress import Advance
from metabench.types import Split

ARCHIVE = "all_runs.zip"
RUNS = 20
CLASSES = 20  # in a run


def read(
    archives: Mapping[str, Path], advance: Advance, runs: int = RUNS, classes: int = CLASSES
) -> Iterator[tuple[str, bytes]]:
    """All drawings, run by run; tests use other numbers of runs and classes."""
    from metabench.datasets.omniglot.runs import drawings

    for pair in drawings(archives[ARCHIVE], runs, classes):
        yield pair
        advance(1)


def lake() -> Split:
    """All characters are for the test, each run's together."""
    names = tuple(
        class_name(run, number) for run in range(1, RUNS + 1) for number in range(1, CLASSES + 1)
    )
    parts = {"train": (), "val": (), "test": names}
    return Split("lake", parts, 1, digest_of("lake", 1, parts))


def class_name(run: int, number: int) -> str:
    """For example `run01/class08`; both count from 1."""
    return f"run{run:02d}/class{number:02d}"


DATASET = DatasetSpec(
    name="omniglot_trials",
    version="1.0.0",
    description="Lake's 400 one-shot trials: 20 runs of 20 characters of one alphabet each.",
    licence=omniglot.DATASET.licence,
    citation=omniglot.DATASET.citation,
    image=(105, 105, 1),
    archives=(
        Archive(
            ARCHIVE,
            "https://github.com/brendenlake/omniglot/raw/master/python/"
            "one-shot-classification/all_runs.zip",
            "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325",
            352787,
        ),
    ),
    folders=("omniglot",),
    splits={"lake": lake},
    default_split="lake",
    records=Records(read, 2 * RUNS * CLASSES, omniglot.ink),
    homepage=omniglot.DATASET.homepage,
    digests={105: "d352a0640217639d469be30bca7e00e8f5ec4935dc04d4b363ccf815aef7512e"},
    fixed_episodes=True,
)
