"""A document of the optimizer track again: the files of its trainings, some of its instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError
from metabench.learned_optimizers.lstm.files import TrainedOptimizer, read
from metabench.tracks.optimizers.evaluation import LEARNED
from metabench.tracks.optimizers.figures import scores
from metabench.tracks.optimizers.learned_runs import run_learned


def trainings_of(document: Mapping[str, Any], files: Iterable[Path]) -> list[TrainedOptimizer]:
    """The optimizers that `document` measured, in its order of seeds.

    Args:
      document: as `head.loaded` gives it.
      files: `.npz` files, others among them, which are told apart by what they say of themselves.

    Raises:
      UserError: one is not among them.
    """
    first = {name: value for name, value in document["optimizer"].items() if name != "name"}
    wanted = [first, *document.get("further_seeds", [])]
    found: dict[int, TrainedOptimizer] = {}
    for file in files:
        try:
            one = read(file)
        except UserError:
            continue  # another file, which is none of ours
        if one.about in wanted:
            found.setdefault(wanted.index(one.about), one)
    for number, about in enumerate(wanted):
        if number not in found:
            raise UserError(
                f"the file of the optimizer is not here: none of the .npz files says that it was "
                f"trained by `{about['command']}`, seed {about.get('seed', 0)}"
            )
    return [found[number] for number in range(len(wanted))]


def losses_again(
    document: Mapping[str, Any],
    optimizee: Optimizee,
    trainings: list[TrainedOptimizer],
    numbers: np.ndarray,
) -> np.ndarray:
    """Losses at the end of each stop, of the test instances `numbers`: [stops, seeds, numbers]."""
    stops = document["protocol"]["stops"]
    found = run_learned(optimizee, trainings, None, stops, len(numbers), numbers)
    return np.array(scores(found.by_stop))


def losses_stated(document: Mapping[str, Any]) -> np.ndarray | None:
    """The same of all instances, as the document says; None if it is older than that field."""
    stated = document.get("scores")
    return None if stated is None else np.array(stated[LEARNED])
