"""One benchmark run: data, meta-training for each seed, evaluation, result.

It puts the parts together and returns a `Result`. It prints nothing and draws
nothing, but reports its progress to a `Watcher`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from metabench.contracts.learner import EpisodeLearner, parameter_count, train_shape
from metabench.errors import UserError
from metabench.results import environment
from metabench.results.document import run_name
from metabench.results.result import Result, SeedRun
from metabench.scoring.canaries.canary import as_json
from metabench.scoring.episodes import adaptation_ms, make_evaluator, tallies
from metabench.scoring.streams import presented
from metabench.scoring.summary import summarise
from metabench.scoring.tally import Tally, all_alike, nan_episodes
from metabench.tasks.class_table import find_split
from metabench.tasks.kinds import task_digest
from metabench.tracks.fewshot.canaries import canaries as measure_canaries
from metabench.tracks.fewshot.plan import Plan, training_split
from metabench.tracks.fewshot.trainings import Trainings
from metabench.training.curves import thinned
from metabench.training.divergence import high_loss
from metabench.training.loop import Trained
from metabench.training.watcher import Watcher
from metabench.types import ImageTaskShape, StreamShape


def execute(
    plan: Plan,
    *,
    resume: bool,
    command: str,
    watcher: Watcher,
    canaries: bool = False,
    together: bool = False,
) -> Result:
    """Train and evaluate every seed of `plan`.

    Args:
      plan: from `plan_run`.
      resume: continue from checkpoints of the same settings; otherwise they are moved away.
      command: the command line, for the result.
      watcher: told of progress.
      canaries: also measure the canaries of the first seed's training.
      together: train all seeds in one program, where that is possible; the watcher is told where
        it is not.

    Raises:
      UserError: training diverged, or the data is not what the frozen protocol names.
    """
    digest = digest_of(plan)
    check_digests(plan, digest)
    runner = make_evaluator(plan.learner, plan.shape)
    runs, parameters, found = [], 0, None
    for seed, (trained, before) in Trainings(plan, resume, watcher, together).each():
        runs.append(_measure(plan, seed, trained, runner, watcher, before))
        parameters = parameter_count(plan.learner, trained.state)
        if canaries and found is None:
            state = trained.selected(plan.lengths.select).state
            found = tuple(as_json(measure_canaries(plan, state, progress=watcher.canaries)))
    made = result_of(plan, runs, parameters, digest, command)
    return made if found is None else replace(made, canaries=found)


def result_of(
    plan: Plan, runs: Sequence[SeedRun], parameters: int, digest: str, command: str
) -> Result:
    """The result of `plan`.

    Args:
      plan: from `plan_run`.
      runs: one for each training seed.
      parameters: numbers in the learned arrays.
      digest: of the test episodes.
      command: the command line.
    """
    protocol = plan.protocol
    learner, elsewhere = plan.learner, protocol.trained_on is not None
    met = find_split(plan.training_data, training_split(protocol))
    return Result(
        learner=plan.entry.name,
        learner_version=plan.entry.version,
        learner_digest=plan.entry.digest,
        hyperparameters=plan.hyperparameters,
        recipe=_recipe(plan),
        parameter_count=parameters,
        transductive=isinstance(learner, EpisodeLearner) and learner.transductive,
        protocol=replace(protocol, dataset_digest=plan.dataset.digest, episode_digest=digest),
        dataset_digest=plan.dataset.digest,
        dataset_source=plan.dataset.source,
        training_digest=plan.training_data.digest if elsewhere else None,
        training_split_digest=met.digest if elsewhere else None,
        split_digest=find_split(plan.dataset, protocol.split).digest,
        episode_digest=digest,
        presented=_presented(plan),
        runs=tuple(runs),
        environment=environment.describe(),
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def digest_of(plan: Plan) -> str:
    """The digest of the plan's test tasks."""
    protocol = plan.protocol
    return task_digest(protocol.seed, plan.tables["test"], plan.shape, protocol.episodes)


def _presented(plan: Plan) -> tuple[tuple[int, ...], ...] | None:
    """The images at each presentation, where they differ from stream to stream."""
    shape, protocol = plan.shape, plan.protocol
    if not (isinstance(shape, StreamShape) and shape.independent):
        return None
    table, number = plan.tables["test"], protocol.episodes
    return tuple(map(tuple, presented(table, shape, seed=protocol.seed, streams=number).tolist()))


def place(plan: Plan) -> Path:
    """`<protocol>/<learner>-<settings>.json`: where the result belongs below its folder."""
    name = run_name(
        plan.entry.name,
        plan.hyperparameters,
        _recipe(plan),
        plan.seeds,
        plan.dataset.digest,
        plan.entry.digest,
    )
    return Path(plan.protocol.id) / f"{name}.json"


def _recipe(plan: Plan) -> dict[str, Any]:
    """What a result says of how its learner was trained, and what it builds on."""
    recipe: dict[str, Any] = {"name": plan.recipe.name}
    if plan.learner.training is not None:
        recipe["train"] = plan.lengths.recorded()
    if plan.tested_training is not None:
        recipe["trained_for"] = plan.tested_training
    if plan.source is not None:
        below = plan.source
        recipe["source"] = {"name": below.recipe.name, "train": below.lengths.of_training()}
    return recipe


def check_digests(plan: Plan, episodes: str) -> None:
    """Raise `UserError` if a frozen protocol was frozen with other data."""
    protocol = plan.protocol
    pairs = (
        ("dataset", protocol.dataset_digest, plan.dataset.digest),
        ("episodes", protocol.episode_digest, episodes),
    )
    for name, golden, found in pairs:
        if golden is not None and golden != found:
            raise UserError(
                f"protocol `{protocol.id}` is frozen on other data: the digest of its {name} is "
                f"{golden[:12]}, here it is {found[:12]}; prepare the dataset again from the "
                "published archives"
            )


def _measure(
    plan: Plan,
    seed: int,
    trained: Trained,
    runner: Callable[..., Tally],
    watcher: Watcher,
    before: Mapping[str, float],
) -> SeedRun:
    """Evaluate one seed's state on every episode of the protocol, and measure the costs."""
    protocol, test = plan.protocol, plan.tables["test"]
    tested, began = trained.selected(plan.lengths.select), time.monotonic()
    tally = tallies(
        plan.learner,
        tested.state,
        test,
        plan.shape,
        seed=protocol.seed,
        episodes=protocol.episodes,
        evaluator=runner,
        progress=lambda done: watcher.evaluating(seed, done, protocol.episodes),
    )
    seconds = time.monotonic() - began
    watcher.tested(seed, tested.state)
    steps = plan.lengths.steps if plan.learner.training is not None else 0
    cost = {
        "train_seconds": round(trained.seconds, 1),
        "train_episodes_per_second": _rate(steps * plan.lengths.batch, trained.seconds),
        "test_episodes_per_second": _rate(protocol.episodes, seconds),
        "adaptation_ms": round(adaptation_ms(plan.learner, tested.state, test, plan.shape), 3),
        "peak_memory_mb": round(environment.peak_memory_mb(), 1),
        **trained.operations(),
        **before,
    }
    return SeedRun(
        seed=seed,
        **counted(tally, plan.shape),
        validation_accuracy=tested.validation,
        train_steps=steps,
        best_step=tested.step,
        cost=cost,
        high_loss=high_loss(trained, tested.step, train_shape(plan.learner, plan.shape)),
        curve=thinned(trained.history),
    )


def counted(tally: Tally, shape: ImageTaskShape) -> dict[str, Any]:
    """What a run says of the answers of one seed, by the names of its fields."""
    correct = np.asarray(tally.correct)
    summary = summarise(correct, shape.queries)
    return {
        "accuracy": round(summary.mean, 6),
        "ci95": round(summary.ci95, 6),
        "correct": tuple(int(n) for n in correct.reshape(len(correct), -1).sum(1)),
        "by_presentation": tuple(map(tuple, correct.tolist())) if correct.ndim == 2 else None,
        "nan_episodes": nan_episodes(tally) or None,
        "alike_answers": all_alike(tally, shape) or None,
    }


def _rate(number: int, seconds: float) -> float:
    return round(number / seconds, 2) if seconds > 0 else 0.0
