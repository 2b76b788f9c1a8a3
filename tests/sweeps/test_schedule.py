"""The order of runs: skipped, resumed, tried once more, and left to others that are at them."""

import json
from contextlib import contextmanager

import pytest
from filelock import FileLock

import metabench
from metabench.compute.residence import on_host
from metabench.errors import UserError
from metabench.results import document
from metabench.sweeps.files import LOCK
from metabench.sweeps.schedule import Schedule
from metabench.sweeps.spec import DONE, FAILED, to_spec
from metabench.sweeps.work import perform
from metabench.training.checkpoints import Checkpoints
from tests.sweeps.conftest import TINY, TOY


def scheduled(cells, inline, **other):
    events = []
    schedule = Schedule(
        cells, inline.executor, lambda run: to_spec(run, None), told=events.append, pause=0.1,
        **other,
    )  # fmt: skip
    schedule.run()
    return schedule, events


def figures(result):
    return [(r.seed, r.correct, r.validation_accuracy, r.best_step) for r in result.runs]


@contextmanager
def stopped_after(monkeypatch, *saves):
    """A sweep is interrupted as these checkpoints have been written; yields how many were."""
    real, done = Checkpoints.save, []

    def save(self, snapshot):
        real(self, snapshot)
        done.append(snapshot.step)
        if len(done) in saves:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save)
        yield done


def test_interrupted_twice_a_cell_ends_as_one_run_of_its_seeds(
    cells, inline, tmp_path, monkeypatch
):
    found = cells()
    assert json.loads(json.dumps(to_spec(found[0].runs[0], None)))["seed"] == 0
    with stopped_after(monkeypatch, 1, 3) as steps:
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                scheduled(found, inline, per_job=2)
        scheduled(found, inline, per_job=2)
    assert steps == [1, 2, 1, 2]  # no step was trained twice
    assert [len(job) for job in inline.jobs] == [2, 2, 1]
    inline.jobs.clear()
    (path,) = (tmp_path / "board").rglob("*.json")
    assert path == found[0].path
    swept = document.read(path)
    again = metabench.run(
        TOY, seeds=2, settings=TINY["settings"][TOY], train=TINY["train"],
        run_dir=tmp_path / "other", progress=False, **TINY["protocols"],
    )  # fmt: skip
    assert figures(swept) == figures(again)
    assert document.default_path(again, tmp_path / "board") == path
    assert (swept.command, swept.recipe) == (again.command, again.recipe)
    # What is there is not run again, nor where only a seed is missing.
    before = path.read_bytes()
    scheduled(found, inline)
    assert inline.jobs == []
    path.unlink()
    found[0].runs[0].path.write_text("{}")
    _, events = scheduled(found, inline)
    assert [[spec["seed"] for spec in job] for job in inline.jobs] == [[0]]
    assert events[-1].state == DONE
    assert json.loads(path.read_bytes())["runs"][1] == json.loads(before)["runs"][1]
    assert figures(document.read(path)) == figures(swept)  # its checkpoint was still there


def test_a_failure_is_tried_once_more_and_stops_nothing(cells, inline):
    found = cells(learners=["pixel_nn"], settings={}, protocols=[
        TINY["protocols"] | {"way": way, "episodes": 2} for way in (2, 3)
    ])  # fmt: skip
    tries = []

    def failing(spec):
        tries.append(spec["tested"]["way"])
        if spec["tested"]["way"] == 2:
            raise RuntimeError("no room\nat all")
        return perform(spec)

    inline.perform = failing
    schedule, events = scheduled(found, inline)
    assert tries == [2, 3, 2]
    assert schedule.failed == {found[0].runs[0].path: "RuntimeError: no room"}
    assert [one.sentence for one in events if one.state == FAILED] == [
        "RuntimeError: no room; it is tried once more", "RuntimeError: no room",
    ]  # fmt: skip
    assert not found[0].path.exists()
    assert found[1].path.is_file()


def test_a_run_that_raises_leaves_its_trace(cells, monkeypatch):
    (cell,) = cells(learners=["pixel_nn"], settings={})

    def broken(*arguments, **options):
        raise IndexError("out of bounds")

    monkeypatch.setattr("metabench.tracks.fewshot.run.execute", broken)
    found = perform(to_spec(cell.runs[0], None))
    log = cell.runs[0].path.with_suffix(".log")
    assert found == (FAILED, f"IndexError: out of bounds (all of it: {log})")
    assert "Traceback" in log.read_text()


def test_images_lie_where_the_sweep_says(cells, monkeypatch):
    (cell,) = cells(learners=["pixel_nn"], settings={})
    found = []

    def asked(*arguments, **options):
        found.append(on_host(1))
        raise UserError("enough")

    monkeypatch.setattr("metabench.tracks.fewshot.run.execute", asked)
    for data in ("host", "device"):
        perform(to_spec(cell.runs[0], None, data=data))
    assert found == [True, False]


def test_what_another_process_is_at_is_waited_for(cells, inline):
    (cell,) = cells(learners=["pixel_nn"], settings={})
    (run,) = cell.runs
    run.path.parent.mkdir(parents=True)
    lock = FileLock(run.path.with_suffix(LOCK), is_singleton=False)
    lock.acquire()
    seen = []

    def released(spec):
        found = perform(spec)
        seen.append(found.state)
        lock.release()
        return found

    inline.perform = released
    schedule, _ = scheduled([cell], inline)
    assert seen == ["busy", "done"]
    assert schedule.failed == {}


@pytest.mark.parametrize("text", ["", "{}", "no JSON"])
def test_a_damaged_result_is_made_again(cells, inline, text):
    (cell,) = cells(learners=["pixel_nn"], settings={})
    cell.path.parent.mkdir(parents=True)
    cell.path.write_text(text)
    inline.perform = lambda spec: ("failed", "it was tried")
    schedule, _ = scheduled([cell], inline)
    assert [*schedule.failed.values()] == ["it was tried"]
