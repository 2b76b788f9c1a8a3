"""Every check of datasets fails a dataset that breaks it, and passes the right ones."""

import numpy as np
import pytest

from metabench import registry
from metabench.conformance import (
    DATASET_CHECKS,
    ConformanceError,
    Prepared,
    check_dataset,
    dataset_checks,
    examine_dataset,
)
from metabench.conformance import datasets as checks
from metabench.data import load_or_prepare
from metabench.datasets.strokes import dataset as strokes
from metabench.errors import UserError
from metabench.types import Split


@pytest.fixture(scope="module")
def prepared():
    return Prepared(strokes.DATASET, load_or_prepare("strokes", progress=False))


@pytest.mark.parametrize("check", dataset_checks("strokes"), ids=lambda check: check.name)
def test_strokes(check):
    check()


def test_a_dataset_may_be_for_testing_alone(prepared):
    alone = Prepared(prepared.spec._replace(splits=split_of(train=(), val=())), prepared.dataset)
    checks.check_splits(alone)


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in registry.names("datasets") if n != "strokes"])
def test_datasets_of_archives(name):
    check_dataset(name)


def split_of(**parts):
    usual = {"train": ("alphabet00/character00",), "val": ("alphabet00/character01",)}
    parts = usual | {"test": ("alphabet00/character02",)} | parts
    return {"one": lambda: Split("one", parts, 1, "0" * 64)}


DEFECTS = {
    "no licence": (checks.check_declaration, {"licence": ""}, {}, "`licence` must say"),
    "no such split": (
        checks.check_declaration, {"default_split": "x"}, {}, "must be one of",
    ),
    "floats": (checks.check_images, {}, {"images": np.ones((2, 4, 4, 1))}, "must be uint8"),
    "blank": (
        checks.check_images, {}, {"images": np.zeros((2, 4, 4, 1), np.uint8)}, "one colour",
    ),
    "descending": (
        checks.check_labels, {}, {"labels": np.arange(6400)[::-1] // 20}, "ascending",
    ),
    "names twice": (
        checks.check_labels, {}, {"class_names": ("a",) * 320}, "names must differ",
    ),
    "one example": (
        checks.check_labels, {},
        {"labels": np.repeat(np.arange(320), [1, 39, *[20] * 318])}, "the fewest are 1",
    ),
    "empty part": (
        checks.check_splits, {"splits": split_of(val=())}, {}, "must have classes",
    ),
    "no test": (
        checks.check_splits, {"splits": split_of(test=())}, {}, "must have classes",
    ),
    "overlap": (
        checks.check_splits,
        {"splits": split_of(test=("alphabet00/character00",))}, {}, "disjoint parts",
    ),
    "unknown class": (
        checks.check_splits, {"splits": split_of(test=("Klingon",))}, {}, "1 are unknown",
    ),
    "other pixels": (
        checks.check_reproducible, {}, {"digest": "0" * 64}, "digests are 000000000000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_broken_dataset_fails_the_check_that_is_meant(defect, prepared):
    check, spec, dataset, sentence = DEFECTS[defect]
    broken = Prepared(prepared.spec._replace(**spec), prepared.dataset._replace(**dataset))
    with pytest.raises(ConformanceError, match=sentence):
        check(broken)


def test_every_check_has_a_dataset_that_fails_it():
    assert {check for check, _, _, _ in DEFECTS.values()} == {
        check.function for check in DATASET_CHECKS
    }


def test_an_examination_goes_on_after_a_failure():
    spec = strokes.DATASET._replace(licence="", default_split="x", splits=split_of(test=()))
    status = {one.check: one.status for one in examine_dataset(spec)}
    assert status == {
        "declaration": "failed",
        "images": "passed",
        "labels": "passed",
        "splits": "failed",
        "reproducible": "passed",
    }
    with pytest.raises(ConformanceError) as caught:
        check_dataset(spec)
    first, declaration, splits = str(caught.value).splitlines()
    assert first == "`strokes` fails 2 of 5 checks:"
    assert declaration.startswith("- declaration: `licence` must say something")
    assert splits.startswith("- splits: split `one` must have classes in")


def test_nothing_is_prepared_before_a_check_runs():
    assert len(dataset_checks("no such dataset")) == len(DATASET_CHECKS)
    with pytest.raises(UserError, match="unknown dataset `no such dataset`"):
        check_dataset("no such dataset")
