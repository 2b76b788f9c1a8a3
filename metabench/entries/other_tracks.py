"""Verification of results that are no few-shot ones: forecasts, optimizers, causes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metabench.contracts.learner import parameter_count
from metabench.entries.replay import Finding, chosen_tasks, same_kind
from metabench.entries.verify import Wanted
from metabench.errors import UserError
from metabench.files.canonical import canonical
from metabench.files.publish import write_text
from metabench.learned_optimizers.problems.tasks import build
from metabench.registry import AnyLearner
from metabench.results import environment, head
from metabench.results.status import signed_document, unfit
from metabench.tracks.causal import run as causal
from metabench.tracks.forecast import replay as forecasts
from metabench.tracks.optimizers import replay as optimizers
from metabench.tracks.optimizers.evaluation import LEARNED

NATS = 2e-4  # per point: scores have four decimals
BELIEF = 2e-3  # in a direction; rounding grows in the many steps behind it
LOSS = 2e-4  # relative: losses have five digits
ELSEWHERE = 50  # times that much may differ on another kind of machine
TINY = 1e-30  # a loss
FEW = 0.05  # share of the tasks in which rounding may grow: a training of many steps multiplies it


class Verified(NamedTuple):
    """What came of one document."""

    place: Path
    document: Mapping[str, Any]  # as the present version of its track has it
    findings: list[Finding]
    tasks: int  # that were replayed of each seed

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the document."""
        return all(one.holds for one in self.findings)


def verify_document(path: Path, wanted: Wanted, learner: AnyLearner | None = None) -> Verified:
    """One result of another track, held against its trained state.

    That of a forecast is in the checkpoints of its run, below `wanted.places.run_dir`. Optimizers
    have files of their own, `.npz`, beside the result, in a folder beside it, or in the run's.

    Args:
      path: of the result.
      wanted: how much is verified.
      learner: where no package registers it.

    Raises:
      UserError: the state is not there, or more is wanted than these tracks have.
    """
    document = head.read(path)
    for name in ("retrain", "canaries", "looks"):
        if getattr(wanted, name):
            raise UserError(
                f"`{name}` is for results of few-shot learners, and {path} is of the track "
                f"{document['track']}; leave it out"
            )
    found = [Finding("the document", False, doubt) for doubt in unfit(document)]
    if found:
        return Verified(path, document, found, 0)
    findings, tasks = _REPLAYS[document["track"]](path, document, wanted, learner)
    return Verified(path, document, findings, tasks)


def sign(verified: Verified, who: str) -> None:
    """Write the document with a signature on what was replayed."""
    described = environment.describe()
    made = signed_document(
        verified.document,
        "replayed",
        who=who,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        where=f"{described['platform']}, {described['device']['kind']}",
        tasks=verified.tasks,
    )
    write_text(verified.place, canonical(made))


def _forecast(
    path: Path, document: Mapping[str, Any], wanted: Wanted, learner: AnyLearner | None
) -> tuple[list[Finding], int]:
    plan = forecasts.planned(document, learner, wanted.places.run_dir)
    state = forecasts.state_of(plan)
    stated = document.get("scores", {}).get("learner")
    if stated is None:
        raise UserError(f"{path} is older than the scores of single functions: make it again")
    numbers = chosen_tasks(plan.functions, wanted.tasks, wanted.seed)
    found = forecasts.scores_again(plan, state, numbers)
    apart = np.abs(found - np.array(stated)[numbers])
    count = parameter_count(plan.learner, state)
    return [
        _alike("learner_digest", document.get("learner_digest"), plan.entry.digest),
        _alike("protocol", document["protocol"]["id"], plan.protocol),
        _alike("parameter_count", document["parameter_count"], count),
        _near("log-likelihoods", apart, NATS, "nats", document, 0.0),
        _means(document, stated),
    ], len(numbers)


def _means(document: Mapping[str, Any], stated: list[float]) -> Finding:
    """The mean of the document, held against its scores."""
    said, mean = document["log_likelihood"]["learner"]["mean"], float(np.mean(stated))
    told = f"{said:.4f} stated, and the scores give {mean:.4f}"
    return Finding("mean", abs(said - mean) <= NATS, told)


def _optimizers(
    path: Path, document: Mapping[str, Any], wanted: Wanted, learner: AnyLearner | None
) -> tuple[list[Finding], int]:
    if learner is not None:
        raise UserError(f"`learner` is given, but {path} is of a learned optimizer; leave it out")
    folders = [*path.parent.glob("*.npz"), *path.parent.parent.glob("*/*.npz")]
    kept = (wanted.places.run_dir / "optimizers").glob("*/*/*.npz")
    trainings = optimizers.trainings_of(document, [*sorted(folders), *sorted(kept)])
    count = document["protocol"]["instances"]
    numbers, stated = (
        chosen_tasks(count, wanted.tasks, wanted.seed),
        optimizers.losses_stated(document),
    )
    if stated is None and len(numbers) < count:
        raise UserError(
            f"{path} is older than the losses of single instances; `--all` compares its means"
        )
    places = wanted.places
    optimizee = build(document["task"], places.archives, places.cache, not places.quiet)
    found = optimizers.losses_again(document, optimizee, trainings, numbers)
    findings = [_alike("dataset_digest", document.get("dataset_digest", ""), optimizee.digest)]
    for number, stop in enumerate(document["protocol"]["stops"]):
        here, there = found[number], None if stated is None else stated[number]
        if there is not None:
            apart = np.abs(here - there[:, numbers]) / np.maximum(np.abs(there[:, numbers]), TINY)
            what = f"losses after {stop:,} steps"
            findings.append(_near(what, apart, LOSS, "of the loss", document, FEW))
        mean = document["figures"][LEARNED]["at"][number]["final_loss"]["mean"]
        own = (here if there is None else there).mean()
        off = np.array([abs(mean - own) / max(abs(mean), TINY)])
        findings.append(_near(f"mean after {stop:,} steps", off, LOSS, "of it", document, 0.0))
    return findings, len(numbers)


def _causal(
    path: Path, document: Mapping[str, Any], wanted: Wanted, learner: AnyLearner | None
) -> tuple[list[Finding], int]:
    if learner is not None:
        raise UserError(f"`learner` is given, but {path} has no learner of episodes; leave it out")
    stated = np.array(document["belief"]["last"])
    numbers = chosen_tasks(len(stated), wanted.tasks, wanted.seed)
    apart = np.abs(causal.beliefs_again(document, numbers) - stated[numbers])
    mean = float(stated.mean())
    off = np.array([abs(mean - document["belief"]["mean"][-1])])
    return [
        _alike("protocol", document["protocol"]["id"], causal.planned(document).protocol),
        _near("beliefs", apart, BELIEF, "of 1", document, FEW),
        _near("mean belief", off, NATS, "of 1", document, 0.0),
    ], len(numbers)


_REPLAYS: Mapping[
    str,
    Callable[[Path, Mapping[str, Any], Wanted, AnyLearner | None], tuple[list[Finding], int]],
] = {"forecast": _forecast, "optimizers": _optimizers, "causal": _causal}


def _alike(what: str, stated: object, found: object) -> Finding:
    said = "the same" if stated == found else f"is {stated}, but {found} here"
    return Finding(what, stated == found, said)


def _near(
    what: str, apart: np.ndarray, most: float, unit: str, document: Mapping[str, Any], few: float
) -> Finding:
    """Differences, each at most `most` but for a share `few`; more on another kind of machine."""
    same = same_kind(document["environment"])
    limit = most if same else ELSEWHERE * most
    share = float((apart > limit).mean())
    where = "" if same else ", on another kind of machine"
    said = f"at most {apart.max():.2g} {unit} apart{where}"
    return Finding(what, share <= few, said)
