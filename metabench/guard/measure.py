"""Results made again: brief trainings with fresh counts, in this process or in several.

Results that build on the same source are made in one process, so that it is trained once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import jax

from metabench.errors import UserError
from metabench.guard.baseline import plan_again
from metabench.guard.verdicts import MORE, Fresh, suspicious
from metabench.registry import AnyLearner
from metabench.results.result import Result
from metabench.tracks.fewshot.brief import Brief
from metabench.tracks.fewshot.plan import Plan

# XLA's older emitters, one at a time and without optimisation, compile in a third of the time. What
# optimisation changes is rounding, and a seed changes more.
QUICK = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"


@dataclass(frozen=True)
class Wish:
    """How results are made again."""

    seed: int = 0  # the first
    seeds: int = 1
    more: tuple[int, ...] = MORE  # seeds after each suspicion
    margin: float = 0.02
    quick: bool = True
    learners: Mapping[str, AnyLearner] | None = None  # those that no package registers, by name
    archives: Path | None = None
    cache: Path | None = None


def compile_quickly() -> None:
    """Tell JAX and XLA to compile without optimisation; before JAX is first used."""
    if jax.__version__.startswith("0.10."):  # XLA ends the process at a flag that it does not know
        flags = os.environ.get("XLA_FLAGS", "")
        if QUICK not in flags:
            os.environ["XLA_FLAGS"] = f"{flags} {QUICK}".strip()
    jax.config.update("jax_disable_most_optimizations", True)


def remade(
    results: Mapping[str, Result], wish: Wish = Wish(), jobs: int = 1
) -> Iterator[tuple[str, Fresh]]:
    """Make each of `results` again, and yield it with its name as it is done.

    Args:
      results: of a baseline, by name.
      wish: how.
      jobs: processes at once.
    """
    groups = list(_groups(results, wish).values())
    if jobs <= 1 or len(groups) <= 1:
        for group in groups:
            yield from _group(group, wish).items()
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_ready) as pool:
        tasks = [pool.submit(_group, group, wish) for group in groups]
        for task in as_completed(tasks):
            yield from task.result().items()


def _ready() -> None:
    from metabench.seeds import pin

    pin()


def _groups(results: Mapping[str, Result], wish: Wish) -> dict[str, dict[str, Result]]:
    """Results by what they build on; those that build on nothing stand alone. Large ones first."""
    groups: dict[str, dict[str, Result]] = {}
    for name, result in results.items():
        key = str(result.recipe.get("source", name))
        groups.setdefault(key, {})[name] = result
    return dict(sorted(groups.items(), key=lambda one: -len(one[1])))


def _group(group: Mapping[str, Result], wish: Wish) -> dict[str, Fresh]:
    """Each of `group`, made again in this process."""
    if wish.quick:
        compile_quickly()
    sources: dict[str, Brief] = {}
    return {name: fresh(result, wish, sources) for name, result in group.items()}


def fresh(result: Result, wish: Wish, sources: dict[str, Brief] | None = None) -> Fresh:
    """`result` made again. A mistake that it meets is its outcome, and stops no other one."""
    try:
        brief = Brief(_plan(result, wish), sources)
        brief.check()
        found = _counted(result, brief, range(wish.seed, wish.seed + wish.seeds))
        for more in wish.more:
            if not (result.trained and suspicious(found, wish.margin)):
                break
            after = found.seeds[-1] + 1
            found = _extended(found, _counted(result, brief, range(after, after + more)))
        return found
    except UserError as error:
        return Fresh(result, broken=str(error))


def renewed(result: Result, seeds: Sequence[int], command: str, wish: Wish = Wish()) -> Result:
    """`result` made again as a document, with `seeds`.

    Raises:
      UserError: as `plan_again`, or a training diverged.
    """
    if wish.quick:
        compile_quickly()
    return Brief(_plan(result, wish), timed=True).result(
        seeds if result.trained else seeds[:1], command
    )


def _plan(result: Result, wish: Wish) -> Plan:
    learner = (wish.learners or {}).get(result.learner)
    return plan_again(result, learner, wish.archives, wish.cache)


def _counted(result: Result, brief: Brief, seeds: Sequence[int]) -> Fresh:
    runs = [brief.run(seed) for seed in (seeds if result.trained else list(seeds)[:1])]
    return Fresh(result, tuple(run.correct for run in runs), tuple(run.seed for run in runs))


def _extended(one: Fresh, more: Fresh) -> Fresh:
    return one._replace(counts=one.counts + more.counts, seeds=one.seeds + more.seeds)
