"""One benchmark run: data, meta-training for each seed, evaluation, result.

It puts the parts together and returns a `Result`; it prints nothing and draws
nothing, but tells a `Watcher` how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax

from metabench import environment, registry, results
from metabench.checkpoints import opened
from metabench.errors import UserError
from metabench.evaluate import adaptation_ms, evaluate, make_evaluator, summarise
from metabench.protocol_tables import protocol_table, shape_of
from metabench.protocols import frozen
from metabench.recipes import Recipe
from metabench.tables import check_fits, class_id_count, class_table, find_split
from metabench.tasks import task_digest
from metabench.train import (
    Report,
    Trained,
    TrainPlan,
    initial_state,
    meta_train,
    train_plan,
    trained_before,
)
from metabench.types import (
    ClassTable,
    Dataset,
    EpisodeShape,
    ImageTaskShape,
    Learner,
    Protocol,
    PyTree,
    Result,
    SeedRun,
    StreamShape,
)


@dataclass(frozen=True)
class Watcher:
    """Whom the run tells what it does. Every part may be left out."""

    training: Callable[[int, Report], None] = lambda seed, report: None
    trained: Callable[[int, Trained], None] = lambda seed, trained: None
    evaluating: Callable[[int, int, int], None] = lambda seed, done, total: None
    note: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Plan:
    """A run, checked: everything that can be wrong has been refused by now."""

    learner_name: str
    learner: Learner
    hyperparameters: Mapping[str, Any]
    recipe: Recipe
    train: TrainPlan
    protocol: Protocol
    shape: ImageTaskShape
    dataset: Dataset
    training: Dataset  # of meta-training and validation; mostly `dataset` itself
    tables: Mapping[str, ClassTable]
    seeds: tuple[int, ...]
    run_dir: Path
    trained_for: str | None = None  # id of the protocol whose training is tested; None: its own

    @property
    def folder(self) -> Path:
        """Where this run's checkpoints and pictures are: one folder for each setting."""
        settings = [
            self.learner_name,
            dict(self.hyperparameters),
            asdict(self.train),
            self.training.digest,
        ]
        name = f"{self.learner_name}-{results.fingerprint(settings)}"
        return self.run_dir / (self.trained_for or self.protocol.id) / name


def plan_run(
    learner: str,
    protocol: Protocol,
    dataset: Dataset,
    *,
    recipe: Recipe,
    settings: Mapping[str, Any],
    train: Mapping[str, Any],
    seeds: tuple[int, ...],
    run_dir: Path,
    training: Dataset | None = None,
    trained_for: str | None = None,
) -> Plan:
    """Check a run and put its parts together.

    Args:
      learner: registered name.
      protocol: what to measure; its digests are filled in where it is a frozen one.
      dataset: prepared; what the protocol tests on.
      recipe: hyperparameters and lengths.
      settings: hyperparameters that override the recipe's.
      train: fields of `TrainPlan` that override the recipe's.
      seeds: of meta-training, one run each.
      run_dir: for checkpoints and pictures.
      training: prepared; what is meta-trained on where `protocol.trained_on` names it.
      trained_for: id of another protocol, whose training with the same settings is tested here;
        nothing is trained then.

    Raises:
      UserError: an impossible shape, an unknown option, a wrong value.
    """
    training = training or dataset
    shape = shape_of(protocol, dataset)
    plan = train_plan({**recipe.train, **train})
    chosen = {**recipe.learner, **settings}
    if "steps" in registry.options(learner):
        chosen.setdefault("steps", plan.steps)
    if "classes" in registry.options(learner):
        chosen.setdefault("classes", class_id_count(training))
    if isinstance(shape, StreamShape):
        _check_streams(learner, shape, chosen)
    built = registry.build_learner(learner, shape, chosen)
    if "batch" not in {**recipe.train, **train}:
        plan = replace(plan, batch=built.batch)
    if protocol.episodes < 2:
        raise UserError(f"`episodes` is {protocol.episodes}; an interval needs at least 2")
    tables = {} if built.train is None else _training_tables(built, protocol, shape, training)
    tables["test"] = protocol_table(dataset, protocol)
    defaults = {name: p.default for name, p in registry.options(learner).items()}
    return Plan(
        learner_name=learner,
        learner=built,
        hyperparameters={**defaults, **chosen},
        recipe=recipe,
        train=plan,
        protocol=frozen(protocol),
        shape=shape,
        dataset=dataset,
        training=training,
        tables=tables,
        seeds=seeds,
        run_dir=run_dir,
        trained_for=trained_for if built.train is not None else None,
    )


def _check_streams(learner: str, shape: StreamShape, chosen: Mapping[str, Any]) -> None:
    """Raise `UserError` where a learner, built for episodes, has no `stream`."""
    episodes = EpisodeShape(shape.way, 1, 1, shape.image)
    if registry.build_learner(learner, episodes, chosen).stream is None:
        raise UserError(
            f"`learner` is {learner}, which has no part in the online protocol (it has no "
            "`stream`); take another one, or `--protocol kshot`"
        )


def _training_tables(
    learner: Learner, protocol: Protocol, shape: ImageTaskShape, training: Dataset
) -> dict[str, ClassTable]:
    """The class tables of meta-training, drawn from freely, and of validation, as in the test."""
    if training.images.shape[1:] != shape.image:
        raise UserError(
            f"dataset `{training.name}` has images {training.images.shape[1:]} (height, width, "
            f"channels), but the test's are {shape.image}: prepare both alike with `image-size`"
        )
    split = protocol.split if protocol.trained_on is None else protocol.trained_on.split("/")[1]
    met = replace(protocol, dataset=training.name, split=split)
    found = find_split(training, split)
    if not found.parts.get("train"):
        raise UserError(
            f"dataset `{training.name}` has no classes to meta-train on: name one that has "
            f"with `dataset`, and {training.name} as `test-dataset`"
        )
    table = class_table(training, found, "train")
    check_fits(table, learner.train_shape or shape, f"the train part of {training.name}/{split}")
    return {"train": table, "val": protocol_table(training, replace(met, part="val"))}


def execute(plan: Plan, *, resume: bool, command: str, watcher: Watcher) -> Result:
    """Train and evaluate every seed of `plan`.

    Args:
      plan: from `plan_run`.
      resume: continue from checkpoints of the same settings; otherwise they are set aside.
      command: the command line, for the result.
      watcher: told of progress.

    Raises:
      UserError: training diverged, or the data is not what the frozen protocol names.
    """
    protocol = plan.protocol
    digest = task_digest(protocol.seed, plan.tables["test"], plan.shape, protocol.episodes)
    _check_digests(plan, digest)
    runner = make_evaluator(plan.learner, plan.shape)
    runs, parameters = [], 0
    for seed in plan.seeds:
        trained = _train(plan, seed, resume, watcher)
        runs.append(_measure(plan, seed, trained, runner, watcher))
        if plan.learner.parameters is not None:
            parameters = count(plan.learner.parameters(trained.state))
    split = find_split(plan.dataset, protocol.split)
    recipe: dict[str, Any] = {"name": plan.recipe.name}
    if plan.learner.train is not None:
        recipe["train"] = asdict(plan.train)
    if plan.trained_for is not None:
        recipe["trained_for"] = plan.trained_for
    return Result(
        learner=plan.learner_name,
        learner_version=registry.learner_version(plan.learner_name),
        hyperparameters=plan.hyperparameters,
        recipe=recipe,
        parameter_count=parameters,
        transductive=plan.learner.transductive,
        protocol=replace(protocol, dataset_digest=plan.dataset.digest, episode_digest=digest),
        dataset_digest=plan.dataset.digest,
        dataset_source=plan.dataset.source,
        training_digest=plan.training.digest if protocol.trained_on else None,
        split_digest=split.digest,
        episode_digest=digest,
        runs=tuple(runs),
        environment=environment.describe(),
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def count(tree: PyTree) -> int:
    """Numbers in the arrays of `tree`."""
    return int(sum(leaf.size for leaf in jax.tree.leaves(tree)))


def _check_digests(plan: Plan, episodes: str) -> None:
    """A frozen protocol names its data; other data must not pass under its name."""
    protocol = plan.protocol
    pairs = (
        ("dataset", protocol.dataset_digest, plan.dataset.digest),
        ("episodes", protocol.episode_digest, episodes),
    )
    for name, golden, found in pairs:
        if golden is not None and golden != found:
            raise UserError(
                f"protocol `{protocol.id}` is frozen on other data: the digest of its {name} is "
                f"{golden[:12]}, here it is {found[:12]}; prepare the dataset anew from the "
                "published archives"
            )


def _train(plan: Plan, seed: int, resume: bool, watcher: Watcher) -> Trained:
    if plan.learner.train is None:
        state = initial_state(plan.learner, seed)
        return Trained(state, state)
    if plan.trained_for is not None:
        return trained_before(plan.learner, plan.train, plan.folder / f"seed{seed}", seed=seed)
    checkpoints = opened(plan.folder / f"seed{seed}", resume, watcher.note)
    trained = meta_train(
        plan.learner,
        plan.tables["train"],
        plan.tables["val"],
        plan.shape,
        plan.train,
        seed=seed,
        checkpoints=checkpoints,
        progress=lambda report: watcher.training(seed, report),
    )
    checkpoints.close()
    watcher.trained(seed, trained)
    return trained


def _measure(
    plan: Plan,
    seed: int,
    trained: Trained,
    runner: Callable[..., jax.Array],
    watcher: Watcher,
) -> SeedRun:
    """Evaluate one seed's state on every episode of the protocol, and what that costs."""
    protocol, test = plan.protocol, plan.tables["test"]
    began = time.monotonic()
    correct = evaluate(
        plan.learner,
        trained.state,
        test,
        plan.shape,
        seed=protocol.seed,
        episodes=protocol.episodes,
        evaluator=runner,
        progress=lambda done: watcher.evaluating(seed, done, protocol.episodes),
    )
    seconds = time.monotonic() - began
    summary = summarise(correct, plan.shape.queries)
    steps = plan.train.steps if plan.learner.train is not None else 0
    cost = {
        "train_seconds": round(trained.seconds, 1),
        "train_episodes_per_second": _rate(steps * plan.train.batch, trained.seconds),
        "test_episodes_per_second": _rate(protocol.episodes, seconds),
        "adaptation_ms": round(adaptation_ms(plan.learner, trained.state, test, plan.shape), 3),
        "peak_memory_mb": round(environment.peak_memory_mb(), 1),
    }
    return SeedRun(
        seed=seed,
        accuracy=round(summary.mean, 6),
        ci95=round(summary.ci95, 6),
        correct=tuple(int(n) for n in correct.reshape(len(correct), -1).sum(1)),
        validation_accuracy=trained.best_validation,
        train_steps=steps,
        best_step=trained.best_step,
        cost=cost,
        by_presentation=tuple(map(tuple, correct.tolist())) if correct.ndim == 2 else None,
    )


def _rate(number: int, seconds: float) -> float:
    return round(number / seconds, 2) if seconds > 0 else 0.0
