"""Checks that every learner and dataset must pass, shipped for those who write their own.

`check_learner(mine)` and `check_dataset(DATASET)` run them all, and raise one error that lists
every failure. `examine_learner` returns what came of each check. In a test suite, each check is a
test of its own:

    @parametrize_with_checks([mine, "protonet"])
    def test_learner(check):
        check()

The only plug-in known here by name is the dataset `strokes`: the checks draw episodes from it.
"""

from metabench.conformance.backbones import (
    BACKBONE_CHECKS,
    backbone_checks,
    check_backbone,
)
from metabench.conformance.check import (
    BoundCheck,
    Check,
    ConformanceError,
    Outcome,
    Skipped,
)
from metabench.conformance.datasets import DATASET_CHECKS, Prepared
from metabench.conformance.drawings import strokes_tables
from metabench.conformance.episodes import check_label_names
from metabench.conformance.parametrize import parametrize_with_checks
from metabench.conformance.subject import Subject, small_settings
from metabench.conformance.suite import (
    LEARNER_CHECKS,
    check_dataset,
    check_learner,
    dataset_checks,
    examine_dataset,
    examine_learner,
    learner_checks,
)
from metabench.conformance.uneven import check_support_order

__all__ = [
    "BACKBONE_CHECKS",
    "DATASET_CHECKS",
    "LEARNER_CHECKS",
    "BoundCheck",
    "Check",
    "ConformanceError",
    "Outcome",
    "Prepared",
    "Skipped",
    "Subject",
    "backbone_checks",
    "check_backbone",
    "check_dataset",
    "check_label_names",
    "check_learner",
    "check_support_order",
    "dataset_checks",
    "examine_dataset",
    "examine_learner",
    "learner_checks",
    "parametrize_with_checks",
    "small_settings",
    "strokes_tables",
]
