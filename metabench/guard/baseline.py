"""The baseline: result documents in the folders of its tiers, and each document's plan again.

A baseline's documents are ordinary results, of several training seeds. Each says itself what is to
be run again: its learner, hyperparameters, lengths and protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from metabench import registry
from metabench.errors import UserError
from metabench.registry import AnyLearner
from metabench.results.document import read
from metabench.results.result import Result
from metabench.tracks.fewshot.plan import Plan
from metabench.tracks.fewshot.replan import planned
from metabench.tracks.fewshot.request import Places

FAST = "fast"  # the tier of every change


def folder_of(baseline: Path, tier: str) -> Path:
    """The folder of a tier: `baseline/tier`; for the fast one `baseline` itself, if it has none.

    Raises:
      UserError: there is no such folder.
    """
    folder = baseline / tier
    if folder.is_dir() or (tier == FAST and baseline.is_dir()):
        return folder if folder.is_dir() else baseline
    raise UserError(
        f"`baseline` {baseline} has no tier {tier!r}: there is no folder {folder}; its tiers are "
        f"the folders in it: {', '.join(tiers(baseline)) or 'none'}"
    )


def tiers(baseline: Path) -> list[str]:
    """The names of the folders of `baseline`."""
    return sorted(one.name for one in baseline.glob("*/") if one.is_dir())


def documents(folder: Path, learners: Sequence[AnyLearner] = ()) -> dict[Path, Result]:
    """The results in `folder`, by file; only of `learners`, if some are named.

    Raises:
      UserError: none is there, a file cannot be read, or a learner has none.
    """
    found = {path: read(path) for path in sorted(folder.glob("*.json"))}
    wanted = [registry.learner(one).name for one in learners]
    there = {result.learner for result in found.values()}
    for name in wanted:
        if name not in there:
            raise UserError(
                f"`learner` {name} has no result in {folder}; there are: "
                f"{', '.join(sorted(there)) or 'none'}"
            )
    kept = {path: one for path, one in found.items() if not wanted or one.learner in wanted}
    if not kept:
        raise UserError(f"`baseline` {folder} holds no result files")
    return kept


def plan_again(
    result: Result,
    learner: AnyLearner | None = None,
    archives: Path | None = None,
    cache: Path | None = None,
) -> Plan:
    """The plan of the run behind `result`; data is prepared where it must be.

    Args:
      result: of k-shot episodes or the online protocol.
      learner: where no package registers it.
      archives: folder with the datasets' archives.
      cache: folder of prepared data.

    Raises:
      UserError: a learner that is not registered, a setting that is gone, or other data.
    """
    plan = planned(result, learner, Places(archives=archives, cache=cache, quiet=True))
    if plan.dataset.digest != result.dataset_digest:
        raise UserError(
            f"the data of {result.protocol.dataset} is other data than the baseline's: its digest "
            f"is {plan.dataset.digest[:12]}, not {result.dataset_digest[:12]}"
        )
    return replace(plan, tested_training=None)
