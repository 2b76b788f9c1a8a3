"""All checks over a learner or a dataset: as a list, as outcomes, or as one error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from metabench import data, registry
from metabench.conformance.built import SHAPE
from metabench.conformance.check import (
    BoundCheck,
    Outcome,
    bound,
    examine,
    require_no_failure,
)
from metabench.conformance.datasets import DATASET_CHECKS, Prepared
from metabench.conformance.embedding import EMBEDDING_CHECKS
from metabench.conformance.episodes import EPISODE_CHECKS
from metabench.conformance.forecasts import FORECAST_CHECKS
from metabench.conformance.foundation import FOUNDATION_CHECKS
from metabench.conformance.general import GENERAL_CHECKS
from metabench.conformance.options import OPTION_CHECKS
from metabench.conformance.streams import STREAM_CHECKS
from metabench.conformance.subject import Subject
from metabench.conformance.traces import TRACE_CHECKS
from metabench.conformance.training import TRAINING_CHECKS
from metabench.conformance.uneven import UNEVEN_CHECKS
from metabench.contracts.dataset import DatasetSpec
from metabench.registry import AnyLearner
from metabench.types import EpisodeShape, PyTree
from metabench.unpackaged import LearnerEntry

LEARNER_CHECKS = (
    *OPTION_CHECKS,
    *EPISODE_CHECKS,
    *UNEVEN_CHECKS,
    *STREAM_CHECKS,
    *FORECAST_CHECKS,
    *GENERAL_CHECKS,
    *TRAINING_CHECKS,
    *EMBEDDING_CHECKS,
    *TRACE_CHECKS,
    *FOUNDATION_CHECKS,
)


def learner_checks(
    learner: AnyLearner,
    *,
    shape: EpisodeShape = SHAPE,
    settings: Mapping[str, Any] | None = None,
    sources: dict[str, PyTree] | None = None,
) -> list[BoundCheck]:
    """Every check over a learner, to be run one by one. They share what they compile.

    Nothing is imported, built or compiled before the first of them runs.

    Args:
      learner: a factory `factory(shape, *, options)`, a registered name, `path/file.py:function`
        or `module:function`.
      shape: of the episodes; streams have its `way` and `image`.
      settings: hyperparameters; None: for a name `small_settings`, else the defaults.
      sources: trained states of what learners build on. Learners that are handed the same
        dictionary train each source once.
    """
    subject = Subject(learner, shape=shape, settings=settings, sources=sources)
    return bound(LEARNER_CHECKS, label(learner), lambda: subject)


def examine_learner(
    learner: AnyLearner,
    *,
    shape: EpisodeShape = SHAPE,
    settings: Mapping[str, Any] | None = None,
    begin: Callable[[str], None] = lambda check: None,
) -> list[Outcome]:
    """Run every check over a learner, also after one has failed.

    Args:
      learner: as of `learner_checks`.
      shape: of the episodes; streams have its `way` and `image`.
      settings: hyperparameters; None: for a name `small_settings`, else the defaults.
      begin: told the name of each check before it runs.

    Returns:
      What came of each check: whether it passed, failed or was skipped, and why.

    Raises:
      UserError: there is no such learner.
    """
    registry.learner(learner)
    return examine(learner_checks(learner, shape=shape, settings=settings), begin)


def check_learner(
    learner: AnyLearner,
    *,
    shape: EpisodeShape = SHAPE,
    settings: Mapping[str, Any] | None = None,
) -> list[Outcome]:
    """Run every check over a learner, and raise one error where some fail.

    Args:
      learner: as of `learner_checks`.
      shape: of the episodes; streams have its `way` and `image`.
      settings: hyperparameters; None: for a name `small_settings`, else the defaults.

    Returns:
      What came of each check: it passed, or it was skipped and why.

    Raises:
      ConformanceError: lists every failure, with what was expected and what was seen.
      UserError: there is no such learner.
    """
    outcomes = examine_learner(learner, shape=shape, settings=settings)
    require_no_failure(label(learner), outcomes)
    return outcomes


def dataset_checks(
    dataset: str | DatasetSpec,
    *,
    size: int | None = None,
    archives: Path | str | None = None,
    cache: Path | str | None = None,
) -> list[BoundCheck]:
    """Every check over a dataset, to be run one by one.

    The dataset is prepared, if need be, when the first of them runs.

    Args:
      dataset: a registered name, `scheme:rest`, or a specification.
      size: height and width of the images; None: the default.
      archives: a folder with its archives; None: `METABENCH_ARCHIVES`, else they are downloaded.
      cache: the cache folder; None: `METABENCH_CACHE`, else the platform's own.
    """

    @functools.cache
    def prepared() -> Prepared:
        spec = registry.dataset(dataset) if isinstance(dataset, str) else dataset
        loaded = data.load_or_prepare(spec, size, archives, cache, progress=False)
        return Prepared(spec, loaded, archives)

    return bound(DATASET_CHECKS, label(dataset), prepared)


def examine_dataset(
    dataset: str | DatasetSpec,
    *,
    size: int | None = None,
    archives: Path | str | None = None,
    cache: Path | str | None = None,
) -> list[Outcome]:
    """Prepare a dataset if need be, and run every check over it, also after one has failed.

    Args:
      dataset: a registered name, `scheme:rest`, or a specification.
      size: height and width of the images; None: the default.
      archives: a folder with its archives; None: `METABENCH_ARCHIVES`, else they are downloaded.
      cache: the cache folder; None: `METABENCH_CACHE`, else the platform's own.

    Raises:
      UserError: there is no such dataset, or it cannot be prepared.
    """
    data.load_or_prepare(dataset, size, archives, cache, progress=False)
    return examine(dataset_checks(dataset, size=size, archives=archives, cache=cache))


def check_dataset(
    dataset: str | DatasetSpec,
    *,
    size: int | None = None,
    archives: Path | str | None = None,
    cache: Path | str | None = None,
) -> list[Outcome]:
    """Prepare a dataset if need be, run every check, and raise one error where some fail.

    Args:
      dataset: a registered name, `scheme:rest`, or a specification.
      size: height and width of the images; None: the default.
      archives: a folder with its archives; None: `METABENCH_ARCHIVES`, else they are downloaded.
      cache: the cache folder; None: `METABENCH_CACHE`, else the platform's own.

    Raises:
      ConformanceError: lists every failure, with what was expected and what was seen.
      UserError: there is no such dataset, or it cannot be prepared.
    """
    outcomes = examine_dataset(dataset, size=size, archives=archives, cache=cache)
    require_no_failure(label(dataset), outcomes)
    return outcomes


def label(plugin: AnyLearner | DatasetSpec) -> str:
    """What a plug-in is called in the name of a test."""
    if isinstance(plugin, str):
        return plugin.rpartition(":")[2]
    if isinstance(plugin, LearnerEntry | DatasetSpec):
        return plugin.name
    return str(getattr(plugin, "__name__", plugin))
