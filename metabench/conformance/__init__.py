"""Checks that every learner and dataset must pass, shipped for those who write their own.

`check_learner("protonet")` and `check_dataset("strokes")` run them all; `LEARNER_CHECKS`
and `DATASET_CHECKS` hold them one by one, for a test suite to parametrise over:

    @pytest.mark.parametrize("check", LEARNER_CHECKS)
    def test_my_learner(check, subject):  # subject = Subject(my_factory), built once
        check(subject)

No plug-in is known here by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metabench import data, registry
from metabench.conformance.datasets import DATASET_CHECKS, Prepared
from metabench.conformance.learners import LEARNER_CHECKS, check_label_names
from metabench.conformance.subject import (
    SHAPE,
    ConformanceError,
    Subject,
    small_settings,
    strokes_tables,
)
from metabench.contracts.dataset import DatasetSpec
from metabench.contracts.learner import LearnerFactory
from metabench.types import EpisodeShape

__all__ = [
    "DATASET_CHECKS",
    "LEARNER_CHECKS",
    "ConformanceError",
    "Prepared",
    "Subject",
    "check_dataset",
    "check_label_names",
    "check_learner",
    "small_settings",
    "strokes_tables",
]


def check_learner(
    learner: str | LearnerFactory,
    *,
    shape: EpisodeShape = SHAPE,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Run every check over a learner.

    Args:
      learner: a registered name, or a factory `(shape, **settings) -> Learner`.
      shape: of the episodes.
      settings: hyperparameters; None: for a name `small_settings`, else the defaults.

    Raises:
      ConformanceError: says what was expected and what was seen.
    """
    subject = Subject(learner, shape=shape, settings=settings)
    for check in LEARNER_CHECKS:
        check(subject)


def check_dataset(
    dataset: str | DatasetSpec,
    *,
    size: int | None = None,
    archives: Path | str | None = None,
    cache: Path | str | None = None,
) -> None:
    """Prepare a dataset if need be, and run every check over it.

    Args:
      dataset: a registered name, or a specification.
      size: height and width of the images; None: the default.
      archives: a folder with its archives; None: `METABENCH_ARCHIVES`, else a download.
      cache: the cache folder; None: `METABENCH_CACHE`, else the platform's own.

    Raises:
      ConformanceError: says what was expected and what was seen.
      UserError: the dataset cannot be prepared.
    """
    spec = registry.dataset(dataset) if isinstance(dataset, str) else dataset
    loaded = data.load_or_prepare(spec, size, archives, cache, progress=False)
    for check in DATASET_CHECKS:
        check(Prepared(spec, loaded, archives))
