"""Every check of datasets fails a dataset that breaks it, and passes the right ones."""

import numpy as np
import pytest

from metabench import conformance, registry
from metabench.conformance import DATASET_CHECKS, ConformanceError, Prepared
from metabench.conformance import datasets as dataset_checks
from metabench.data import load_or_prepare
from metabench.datasets.strokes import dataset as strokes
from metabench.types import Split
from tests.conformance.names import check_name


@pytest.fixture(scope="module")
def prepared():
    return Prepared(strokes.DATASET, load_or_prepare("strokes", progress=False))


@pytest.mark.parametrize("check", DATASET_CHECKS, ids=check_name)
def test_strokes(check, prepared):
    check(prepared)


def test_a_dataset_may_be_for_testing_alone(prepared):
    alone = Prepared(prepared.spec._replace(splits=split_of(train=(), val=())), prepared.dataset)
    dataset_checks.check_splits(alone)


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in registry.names("datasets") if n != "strokes"])
def test_datasets_of_archives(name):
    conformance.check_dataset(name)


def split_of(**parts):
    usual = {"train": ("alphabet00/character00",), "val": ("alphabet00/character01",)}
    parts = usual | {"test": ("alphabet00/character02",)} | parts
    return {"one": lambda: Split("one", parts, 1, "0" * 64)}


DEFECTS = {
    "no licence": (dataset_checks.check_declaration, {"licence": ""}, {}, "`licence` must say"),
    "no such split": (
        dataset_checks.check_declaration, {"default_split": "x"}, {}, "must be one of",
    ),
    "floats": (dataset_checks.check_images, {}, {"images": np.ones((2, 4, 4, 1))}, "must be uint8"),
    "blank": (
        dataset_checks.check_images, {}, {"images": np.zeros((2, 4, 4, 1), np.uint8)}, "one colour",
    ),
    "descending": (
        dataset_checks.check_labels, {}, {"labels": np.arange(6400)[::-1] // 20}, "ascending",
    ),
    "names twice": (
        dataset_checks.check_labels, {}, {"class_names": ("a",) * 320}, "names must differ",
    ),
    "one example": (
        dataset_checks.check_labels, {},
        {"labels": np.repeat(np.arange(320), [1, 39, *[20] * 318])}, "the fewest are 1",
    ),
    "empty part": (
        dataset_checks.check_splits, {"splits": split_of(val=())}, {}, "must have classes",
    ),
    "no test": (
        dataset_checks.check_splits, {"splits": split_of(test=())}, {}, "must have classes",
    ),
    "overlap": (
        dataset_checks.check_splits,
        {"splits": split_of(test=("alphabet00/character00",))}, {}, "disjoint parts",
    ),
    "unknown class": (
        dataset_checks.check_splits, {"splits": split_of(test=("Klingon",))}, {}, "1 are unknown",
    ),
    "other pixels": (
        dataset_checks.check_reproducible, {}, {"digest": "0" * 64}, "digests are 000000000000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_broken_dataset_fails_the_check_that_is_meant(defect, prepared):
    check, spec, dataset, sentence = DEFECTS[defect]
    broken = Prepared(prepared.spec._replace(**spec), prepared.dataset._replace(**dataset))
    with pytest.raises(ConformanceError, match=sentence):
        check(broken)
