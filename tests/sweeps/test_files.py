"""The files of a sweep: what counts as a result that is there, and seeds that do not fit."""

from dataclasses import replace
from pathlib import Path

import pytest

from metabench.errors import UserError
from metabench.results import document
from metabench.sweeps.cells import Cell, Run
from metabench.sweeps.files import complete, merged, valid
from metabench.tracks.fewshot.request import Asked, Request
from tests.made_up_result import made_up


@pytest.fixture
def cell(tmp_path):
    """A cell of two seeds, both of which are there."""
    whole = made_up("protonet", (10, 8, 10, 8), (9, 9, 9, 8))
    runs = []
    for one in whole.runs:
        single = replace(whole, runs=(one,), created=f"2026-01-0{one.seed + 1}T00:00:00+00:00")
        path = document.default_path(single, tmp_path / "seeds")
        document.write(single, path)
        request = Request("protonet", Asked("strokes", way=2, query=5, episodes=4), seed=one.seed)
        runs.append(Run(request, whole.protocol.id, path))
    path = document.default_path(whole, tmp_path / "board")
    return Cell("protonet", whole.protocol, {}, path, tuple(runs), 100, whole.dataset_digest)


def test_the_same_seeds_give_the_same_bytes(cell):
    found = complete(cell)
    assert [run.seed for run in found.runs] == [0, 1]
    assert found.created == "2026-01-02T00:00:00+00:00"
    assert found.command.endswith(" --seeds 2")
    before = cell.path.read_bytes()
    cell.path.unlink()
    complete(cell)
    assert cell.path.read_bytes() == before


def test_nothing_is_written_while_a_seed_is_missing(cell):
    cell.runs[1].path.unlink()
    assert complete(cell) is None
    assert not cell.path.exists()


def test_seeds_of_different_versions_are_not_mixed(cell):
    found = [document.read(run.path) for run in cell.runs]
    other = replace(found[1], learner_version="metabench 0.2.0")
    with pytest.raises(UserError, match="by different versions"):
        merged(cell, [found[0], other])


def test_seeds_that_do_not_follow_each_other_are_named_one_by_one(cell):
    far = replace(cell.runs[1], request=replace(cell.runs[1].request, seed=7))
    found = [document.read(run.path) for run in cell.runs]
    command = merged(replace(cell, runs=(cell.runs[0], far)), found).command
    assert command.count("metabench run") == 2
    assert command.endswith("--seed 7")


@pytest.mark.parametrize("what", ["seed", "data", "name", "counts", "cut"])
def test_what_is_not_the_plans_is_no_result(cell, what):
    path, digest = cell.runs[0].path, cell.dataset_digest
    assert valid(path, [0], digest) is not None
    if what == "name":  # that of other settings
        path = path.rename(path.with_name("protonet-00000000.json"))
    text = path.read_text(encoding="utf-8")
    if what == "counts":
        path.write_text(text.replace("[10,8,10,8]", "[10,8,10,9]"), encoding="utf-8")
    if what == "cut":
        path.write_text(text[: len(text) // 2], encoding="utf-8")
    seeds = [1] if what == "seed" else [0]
    assert valid(path, seeds, "other" if what == "data" else digest) is None


def test_there_is_no_result(tmp_path):
    assert valid(Path(tmp_path / "none.json"), [0], "") is None
