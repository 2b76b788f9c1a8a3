"""A result held against what its state answers now: digests, counts, and what was declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from metabench.contracts.learner import EpisodeLearner, parameter_count
from metabench.results import environment
from metabench.results.result import Result, SeedRun
from metabench.scoring.episodes import make_evaluator, tallies
from metabench.tasks.class_table import find_split
from metabench.tracks.fewshot.plan import Plan, training_split
from metabench.tracks.fewshot.run import digest_of
from metabench.types import PyTree

StateOf: TypeAlias = Callable[[Plan, int], PyTree]  # the state of a seed's training
ROUNDING = 0.005
"""The share of queries that may be answered otherwise on another kind of machine: rounding
decides between two nearly equal scores there."""
KIND = ("jax", "jaxlib", "flax")  # packages that a machine of the same kind has in these versions


class Finding(NamedTuple):
    """What came of one comparison."""

    what: str
    holds: bool
    said: str


def chosen_tasks(episodes: int, number: int | None, seed: int) -> np.ndarray:
    """Numbers of `number` of the test tasks, int64, rising; all of them if None."""
    if number is None or number >= episodes:
        return np.arange(episodes)
    found = np.random.default_rng(seed).choice(episodes, number, replace=False)
    return np.sort(found)


def compare(result: Result, plan: Plan, state_of: StateOf, tasks: np.ndarray) -> Iterator[Finding]:
    """Compare a result with what is found here.

    Args:
      result: what is claimed.
      plan: of the run that ended in it.
      state_of: gives the states that were tested; each is asked for once.
      tasks: numbers of the test tasks to replay.
    """
    yield from _digests(result, plan)
    learner = plan.learner
    transductive = isinstance(learner, EpisodeLearner) and learner.transductive
    yield _equal("transductive", result.transductive, transductive)
    evaluator, states = make_evaluator(learner, plan.shape), list[PyTree]()
    for run in result.runs:
        states.append(state_of(plan, run.seed))
        found = tallies(
            learner,
            states[-1],
            plan.tables["test"],
            plan.shape,
            seed=plan.protocol.seed,
            episodes=len(tasks),
            numbers=tasks,
            evaluator=evaluator,
        )
        yield _counts(result, run, tasks, np.asarray(found.correct))
    if states:
        here = parameter_count(learner, states[-1])
        yield _equal("parameter_count", result.parameter_count, here)


def compare_canaries(result: Result, found: Sequence[Mapping[str, Any]]) -> Finding:
    """The canaries of a result, held against those that were measured now.

    On the same kind of machine their figures must be the same, elsewhere what follows from them.
    """
    fields = ("expected", "holds", *(("mean", "ci95") if same_kind(result.environment) else ()))
    stated = {one["name"]: one for one in result.canaries or ()}
    apart = {*stated} ^ {one["name"] for one in found}
    apart |= {
        one["name"]
        for one in found
        if one["name"] in stated and any(one[name] != stated[one["name"]][name] for name in fields)
    }
    if apart:
        return Finding("canaries", False, f"other outcomes now: {', '.join(sorted(apart))}")
    return Finding("canaries", True, f"the same outcome in all {len(found)}")


def _digests(result: Result, plan: Plan) -> Iterator[Finding]:
    here = {
        "dataset_digest": plan.dataset.digest,
        "split_digest": find_split(plan.dataset, plan.protocol.split).digest,
        "episode_digest": digest_of(plan),
        "learner_digest": plan.entry.digest,
    }
    if result.training_digest is not None:
        here["training_digest"] = plan.training_data.digest
    if result.training_split_digest is not None:
        split = find_split(plan.training_data, training_split(plan.protocol))
        here["training_split_digest"] = split.digest
    for name, found in here.items():
        yield _equal(name, getattr(result, name), found)


def _equal(what: str, stated: object, found: object) -> Finding:
    if stated == found:
        return Finding(what, True, "the same")
    return Finding(what, False, f"is {_short(stated)}, but {_short(found)} here")


def _short(value: object) -> str:
    return value[:12] if isinstance(value, str) else str(value)


def _counts(result: Result, run: SeedRun, tasks: np.ndarray, found: np.ndarray) -> Finding:
    """The right answers of one seed: the same on the same kind of machine, else nearly so."""
    stated = np.array(run.correct if run.by_presentation is None else run.by_presentation)[tasks]
    apart = np.abs(stated - found).reshape(len(tasks), -1).sum(1)
    exactly, queries = same_kind(result.environment), result.protocol.way * result.protocol.query
    share = float(apart.sum()) / (len(tasks) * queries)
    what = f"answers of seed {run.seed}"
    if not apart.any():
        return Finding(what, True, f"the same in all {len(tasks):,} tasks")
    first = int(tasks[apart.argmax()])
    said = (
        f"other counts in {int((apart > 0).sum()):,} of {len(tasks):,} tasks, most in task {first} "
        f"({100 * share:.2f} % of the queries)"
    )
    if exactly:
        return Finding(what, False, said)
    return Finding(what, share <= ROUNDING, f"{said}, on another kind of machine")


def same_kind(stated: Any) -> bool:
    """Whether an environment is of this machine's kind: system, device, and versions of JAX."""
    here = environment.describe()

    def kind(one: Any) -> tuple[Any, ...]:
        device, packages = one.get("device", {}), one.get("packages", {})
        versions = tuple(packages.get(name) for name in KIND)
        return (one.get("platform"), device.get("platform"), device.get("kind"), *versions)

    return kind(stated) == kind(here)
