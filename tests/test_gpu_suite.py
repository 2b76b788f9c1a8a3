"""The suite of a GPU: what fits comes first, several at a time, the rest can go on later."""

import json
import signal
import sys

import pytest

from benchmarks import gpu_suite
from benchmarks.table import Run, command_of, runs
from tests.test_table import option


def script(text):
    """A command that is a few lines of Python."""
    return [sys.executable, "-c", text]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The suite's folders; a run's command is the program it names after its learner."""
    monkeypatch.setattr(gpu_suite, "RUNS", tmp_path)
    monkeypatch.setattr(gpu_suite, "ROOT", tmp_path)
    monkeypatch.setattr(gpu_suite, "POLL", 0.02)
    monkeypatch.setattr(
        gpu_suite, "command_of", lambda run: script(PROGRAMS[gpu_suite.learner_of(run)])
    )
    return tmp_path


MARK = "import os, time; open('{0}', 'w').write(str(time.time())); "
PROGRAMS = {
    "quick": MARK.format("quick"),
    "failing": "raise SystemExit(2)",
    "long": MARK.format("begun") + "time.sleep(60)",
}


def test_the_table_is_of_trainings_that_stand_before_their_tests():
    trained = set()
    for run in runs(gpu_suite.TABLE):
        key = option(run, "--learner"), option(run, "--recipe")
        if option(run, "--trained-for") is None:
            trained.add(key)
        else:
            assert key in trained, run.command


def test_what_fits_comes_first():
    found = [Run("a", seconds=600), Run("b", seconds=30), Run("c"), Run("d", seconds=60)]
    assert [run.command for run in gpu_suite.in_order(found, 60)] == ["b", "d", "a", "c"]


def test_they_end_fail_and_are_ended(place, capsys):
    suite = gpu_suite.Suite(
        [Run(f"run --learner {name}") for name in ("long", "failing", "quick")], 2, {}
    )
    suite.perform(3)
    codes = {gpu_suite.learner_of(run): code for run, code in suite.ended.items()}
    assert codes == {"long": -signal.SIGTERM, "failing": 2, "quick": 0}
    assert (place / "begun").exists()
    assert "exit code 2: run --learner failing (see" in capsys.readouterr().out


def test_a_test_of_a_training_waits_for_it(place):
    training = Run("run --learner long")
    tested = Run("run --learner long --trained-for x")
    suite = gpu_suite.Suite([training, tested], 2, {})
    suite.perform(1)
    assert set(suite.ended) == {training}
    assert suite.waiting == [tested]


def test_from_a_table_to_result_files_with_what_is_missing_left(tmp_path, monkeypatch, capsys):
    table = tmp_path / "table.toml"
    command = "run --learner pixel_nn --dataset strokes --way 5 --shot {shot} --episodes 5"
    there = command.format(shot=1)
    lines = [f'[[run]]\ncommand = "{one}"\nseconds = 5' for one in (there, command.format(shot=5))]
    table.write_text("\n\n".join(lines), "utf-8")
    monkeypatch.setattr(gpu_suite, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(gpu_suite, "made", lambda: {f"metabench {there}": "abc"})
    out = tmp_path / "one.json"
    monkeypatch.setattr(gpu_suite, "command_of", lambda run: [*command_of(run), "--out", str(out)])
    assert gpu_suite.main(["--minutes", "2", "--jobs", "1", "--table", str(table)]) == 0
    assert "1 runs have no result" in capsys.readouterr().out
    assert json.loads(out.read_text("utf-8"))["protocol"]["shot"] == 5


def test_the_service_goes_as_long_as_the_runs(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(gpu_suite.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(
        gpu_suite.subprocess, "run", lambda words, **others: calls.append((words, others))
    )
    with gpu_suite.sharing(4) as environment:
        assert [words for words, _ in calls] == [[gpu_suite.SERVICE, "-d"]]
        assert environment["CUDA_MPS_PIPE_DIRECTORY"] == environment["CUDA_MPS_LOG_DIRECTORY"]
    assert calls[1][1]["input"] == b"quit\n"


@pytest.mark.parametrize("arguments", [["--minutes", "0"], ["--minutes", "1", "--jobs", "0"], []])
def test_a_mistake_ends_before_anything_runs(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        gpu_suite.main(arguments)
    assert stopped.value.code == 2
    assert "--minutes" in capsys.readouterr().err
