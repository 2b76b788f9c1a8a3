"""A run before it begins: everything that can be wrong with it is refused here.

Where a learner builds on another's embedding, the other's training is planned with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from metabench import recipes, registry
from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.files import canonical
from metabench.recipes import Recipe
from metabench.tasks.class_table import check_fits, class_id_count, class_table, find_split
from metabench.tasks.protocol_table import protocol_table, shape_of
from metabench.tasks.protocols import frozen
from metabench.training.lengths import TrainPlan, train_plan
from metabench.types import ClassTable, Dataset, EpisodeShape, ImageTaskShape, Protocol, StreamShape

SOURCE_WAY = 5  # of the episodes in which a source is validated


@dataclass(frozen=True)
class Plan:
    """A run, checked: everything that can be wrong has been refused by now."""

    learner_name: str
    learner: Learner
    trainee: Learner  # the same, with options of the test alone left at their defaults
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
    source: Plan | None = None  # of the learner on whose embedding this one builds

    @property
    def folder(self) -> Path:
        """Where this run's checkpoints and pictures are: one folder for each setting."""
        unmet = registry.test_only(self.learner_name)
        settings = [
            self.learner_name,
            {name: value for name, value in self.hyperparameters.items() if name not in unmet},
            asdict(self.train),
            self.training.digest,
        ]
        if self.source is not None:
            settings.append(self.source.folder.name)
        name = f"{self.learner_name}-{canonical.fingerprint(settings)}"
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
    chosen = _filled(learner, {**recipe.learner, **settings}, plan, training)
    if isinstance(shape, StreamShape):
        _check_streams(learner, shape, chosen)
    built = registry.build_learner(learner, shape, chosen)
    met = {name: value for name, value in chosen.items() if name not in registry.test_only(learner)}
    if "batch" not in {**recipe.train, **train}:
        plan = replace(plan, batch=built.batch)
    if protocol.episodes < 2:
        raise UserError(f"`episodes` is {protocol.episodes}; an interval needs at least 2")
    alone = built.train is None and built.source is None
    tables = {} if alone else _training_tables(built, protocol, shape, training)
    tables["test"] = protocol_table(dataset, protocol)
    defaults = {name: p.default for name, p in registry.options(learner).items()}
    return Plan(
        learner_name=learner,
        learner=built,
        trainee=registry.build_learner(learner, shape, met),
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
        source=_source(built, protocol, training, seeds, run_dir),
    )


def _filled(
    learner: str, chosen: Mapping[str, Any], plan: TrainPlan, training: Dataset
) -> dict[str, Any]:
    """`chosen`, with what a run knows better than a user where the learner has such options."""
    filled, options = dict(chosen), registry.options(learner)
    if "steps" in options:
        filled.setdefault("steps", plan.steps)
    if "classes" in options:
        filled.setdefault("classes", class_id_count(training))
    if "embedding" in options:
        name = filled.get("embedding", options["embedding"].default)
        found = recipes.find(training.name, name, SOURCE_WAY, 1)
        filled["embedding_settings"] = {
            **found.learner,
            **(filled.get("embedding_settings") or {}),
        }
    return filled


def _source(
    learner: Learner, protocol: Protocol, training: Dataset, seeds: tuple[int, ...], run_dir: Path
) -> Plan | None:
    """The training of the learner on whose embedding `learner` builds.

    It is the training of `metabench run` with that learner and 5-way 1-shot episodes, so that
    one training serves all protocols; from its recipe, with the settings that are asked for.
    """
    if learner.source is None:
        return None
    name, split = learner.source.name, protocol.split
    if protocol.trained_on is not None:
        split = protocol.trained_on.split("/")[1]
    size = training.images.shape[1]
    usual = Protocol(training.name, split, SOURCE_WAY, 1, 15, episodes=1000, image_size=size)
    return plan_run(
        name,
        usual,
        training,
        recipe=recipes.find(training.name, name, usual.way, usual.shot),
        settings=learner.source.settings,
        train={},
        seeds=seeds,
        run_dir=run_dir,
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
