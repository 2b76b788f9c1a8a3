"""A run before it begins: everything that can be wrong with it is refused here.

If a learner builds on another's embedding, the training of the other is planned too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metabench import recipes, registry
from metabench.contracts.learner import foundation_of, train_shape
from metabench.errors import UserError
from metabench.files.canonical import fingerprint
from metabench.recipes import Recipe
from metabench.registry import AnyLearner
from metabench.scoring.episodes import ImageLearner
from metabench.tasks.class_table import (
    check_fits,
    class_count,
    class_table,
    find_split,
    numbered,
    row_names,
)
from metabench.tasks.detail import detail_of
from metabench.tasks.protocol_table import protocol_table, shape_of
from metabench.tasks.protocols import frozen
from metabench.tracks.fewshot.fitted import check_alike, check_same_classes, fitted
from metabench.training.lengths import Lengths, lengths_of
from metabench.types import ClassTable, Dataset, ImageTaskShape, Protocol, StreamShape
from metabench.unpackaged import LearnerEntry

SOURCE_WAY = 5  # of the episodes in which a source is validated


@dataclass(frozen=True)
class Plan:
    """A checked run: `plan_run` refuses everything that can be wrong."""

    entry: LearnerEntry
    learner: ImageLearner
    trainee: ImageLearner  # the same, with options of the test alone left at their defaults
    hyperparameters: Mapping[str, Any]
    recipe: Recipe
    lengths: Lengths
    protocol: Protocol
    shape: ImageTaskShape
    dataset: Dataset
    training_data: Dataset  # of meta-training and validation; mostly `dataset` itself
    tables: Mapping[str, ClassTable]
    seeds: tuple[int, ...]
    run_dir: Path
    tested_training: str | None = None
    """Id of the protocol whose training is tested; None where this run trains by itself."""
    source: Plan | None = None  # of the learner on whose embedding this one builds

    @property
    def folder(self) -> Path:
        """Where this run's checkpoints and pictures are: one folder for each setting."""
        name, unmet = self.entry.name, registry.only_in_test(self.entry)
        settings = [
            name,
            {name: value for name, value in self.hyperparameters.items() if name not in unmet},
            self.lengths.of_training(),
            self.training_data.digest,
        ]
        if self.source is not None:
            settings.append(self.source.folder.name)
            if self.source.lengths.select != "last":
                settings.append(self.source.lengths.select)
        if self.entry.digest is not None:  # another text of its file is another learner
            settings.append(self.entry.digest)
        place = self.run_dir / (self.tested_training or self.protocol.id)
        return place / f"{name}-{fingerprint(settings)}"


def plan_run(
    learner: AnyLearner,
    protocol: Protocol,
    dataset: Dataset,
    *,
    recipe: Recipe,
    settings: Mapping[str, Any],
    lengths: Mapping[str, Any],
    seeds: tuple[int, ...],
    run_dir: Path,
    training_data: Dataset | None = None,
    tested_training: str | None = None,
) -> Plan:
    """Check a run and put its parts together.

    Args:
      learner: whatever `registry.learner` takes.
      protocol: what to measure; its digests are filled in if it is frozen.
      dataset: prepared; the one that the protocol tests on.
      recipe: hyperparameters and lengths.
      settings: hyperparameters that override the recipe's.
      lengths: fields of `Lengths` that override the recipe's.
      seeds: of meta-training, one run each.
      run_dir: for checkpoints and pictures.
      training_data: prepared; what is meta-trained on where `protocol.trained_on` names it.
      tested_training: id of another protocol, whose training with the same settings is tested
        here; nothing is trained then.

    Raises:
      UserError: an impossible shape, an unknown option, a wrong value.
    """
    entry, training_data = registry.learner(learner), training_data or dataset
    dataset, training_data = fitted(protocol, dataset, training_data)
    check_same_classes(protocol, tested_training)
    shape = shape_of(protocol, dataset)
    wanted = {**recipe.train, **lengths}
    planned = lengths_of(wanted)
    split = training_split(protocol)
    chosen = _filled(entry, {**recipe.learner, **settings}, planned, training_data, split)
    _check_part(entry, shape)
    built = registry.build_learner(entry, shape, chosen)
    if "batch" not in wanted and built.training is not None:
        planned = replace(planned, batch=built.training.batch)
    _check_interval(protocol)
    tables = _training_tables(built, protocol, shape, dataset, training_data, tested_training)
    return Plan(
        entry=entry,
        learner=built,
        trainee=_trainee(entry, shape, chosen, built),
        hyperparameters=registry.said(entry, chosen),
        recipe=recipe,
        lengths=planned,
        protocol=frozen(protocol),
        shape=shape,
        dataset=dataset,
        training_data=training_data,
        tables={**tables, "test": protocol_table(dataset, protocol)},
        seeds=seeds,
        run_dir=run_dir,
        tested_training=tested_training if built.training is not None else None,
        source=_source(built, protocol, training_data, seeds, run_dir),
    )


def _trainee(
    entry: LearnerEntry, shape: ImageTaskShape, chosen: Mapping[str, Any], built: ImageLearner
) -> ImageLearner:
    """The learner that is trained: options of the test alone are left at their defaults."""
    unmet = registry.only_in_test(entry)
    met = {name: value for name, value in chosen.items() if name not in unmet}
    return built if met == chosen else registry.build_learner(entry, shape, met)


def _filled(
    entry: LearnerEntry,
    chosen: Mapping[str, Any],
    lengths: Lengths,
    training_data: Dataset,
    split: str,
) -> dict[str, Any]:
    """`chosen` as the learner takes it, with the values that a run sets itself."""
    filled, options = registry.in_words(entry, chosen), registry.options(entry)
    if "steps" in options:
        filled.setdefault("steps", lengths.steps)
    if "classes" in options:
        filled.setdefault("classes", max(class_count(find_split(training_data, split), "train"), 1))
    if "backbone_digest" in options and "backbone" in filled:
        filled.setdefault("backbone_digest", registry.backbone(filled["backbone"]).digest)
    if "embedding" in options:
        name = filled.get("embedding", options["embedding"].default)
        found = recipes.find(training_data.name, name, SOURCE_WAY, 1)
        filled["embedding_settings"] = {
            **found.learner,
            **(filled.get("embedding_settings") or {}),
        }
    return filled


def _source(
    learner: ImageLearner,
    protocol: Protocol,
    training_data: Dataset,
    seeds: tuple[int, ...],
    run_dir: Path,
) -> Plan | None:
    """The training of the learner on whose embedding `learner` builds.

    It is the training of `metabench run` with that learner and 5-way 1-shot episodes, so that
    one training serves all protocols; from its recipe, with the settings that are asked for.
    """
    foundation = foundation_of(learner)
    if foundation is None:
        return None
    source = foundation.source
    usual = Protocol(
        training_data.name,
        training_split(protocol),
        SOURCE_WAY,
        1,
        15,
        episodes=1000,
        image_size=training_data.images.shape[1],
        min_images=protocol.min_images,
        grey=protocol.grey,
    )
    return plan_run(
        source.name,
        usual,
        training_data,
        recipe=recipes.find(training_data.name, source.name, usual.way, usual.shot),
        settings=source.settings,
        lengths={"select": source.select},
        seeds=seeds,
        run_dir=run_dir,
    )


def _check_interval(protocol: Protocol) -> None:
    if protocol.episodes < 2:
        raise UserError(f"`episodes` is {protocol.episodes}; an interval needs at least 2")


def _check_part(entry: LearnerEntry, shape: ImageTaskShape) -> None:
    """Raise `UserError` where a learner has no part in the protocol."""
    if registry.takes(entry, type(shape)):
        return
    if isinstance(shape, StreamShape):
        raise UserError(
            f"`learner` is {entry.name}, which has no part in the online protocol (it takes no "
            "`StreamShape`); take another one, or `--protocol kshot`"
        )
    raise UserError(
        f"`learner` is {entry.name}, which has no part in k-shot episodes (it takes no "
        "`EpisodeShape`); take another one"
    )


def training_split(protocol: Protocol) -> str:
    """Name of the split whose classes are met in meta-training."""
    return protocol.split if protocol.trained_on is None else protocol.trained_on.split("/")[1]


def _training_tables(
    learner: ImageLearner,
    protocol: Protocol,
    shape: ImageTaskShape,
    dataset: Dataset,
    training_data: Dataset,
    tested_training: str | None,
) -> dict[str, ClassTable]:
    """The class tables of meta-training, drawn from freely, and of validation, as in the test.

    Classes of meta-training are numbered from 0. There are none where nothing is trained, and no
    validation where an earlier training is tested.
    """
    if learner.training is None and foundation_of(learner) is None:
        return {}
    check_alike(dataset, training_data)
    met = replace(protocol, dataset=training_data.name, split=training_split(protocol))
    found = find_split(training_data, met.split)
    if not found.parts.get("train"):
        raise UserError(
            f"dataset `{training_data.name}` has no classes to meta-train on: name one that has "
            f"with `dataset`, and {training_data.name} as `test-dataset`"
        )
    drawn = train_shape(learner, shape)
    # Images of the test's size where something is made of them before the training.
    plain = foundation_of(learner) is not None
    detail = 1 if plain else detail_of(drawn.image, shape.image)
    table = class_table(training_data, found, "train", detail)
    where = f"the train part of {training_data.name}/{met.split}"
    check_fits(table, drawn, where, row_names(table, training_data, found))
    tables = {"train": numbered(table)}
    if tested_training is None:
        tables["val"] = protocol_table(training_data, replace(met, part="val"))
    return tables
