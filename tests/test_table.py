"""The table of runs: its commands are the program's, in a working order, and what is missing."""

import json
import shlex

from benchmarks import table
from benchmarks.table import Run
from metabench import registry


def option(run, name):
    """What follows `name` in a run's command; None where it is not there."""
    words = shlex.split(run.command)
    return words[words.index(name) + 1] if name in words else None


def test_every_run_is_of_a_known_learner_and_stands_there_once():
    runs = table.runs()
    assert len({run.command for run in runs}) == len(runs) > 0
    assert {option(run, "--learner") for run in runs} <= set(registry.names("learners"))
    assert all(run.command.startswith("run ") and run.seconds > 0 for run in runs)


def test_a_training_stands_before_the_runs_that_test_it_with_checkpoints_of_the_same_code():
    trained = set()
    for run in table.runs():
        key = option(run, "--learner"), option(run, "--seeds"), run.folder
        if option(run, "--trained-for") is None:
            trained.add(key)
        else:
            assert key in trained, run.command


def test_a_run_is_missing_without_a_result_and_with_one_that_is_too_old(monkeypatch):
    monkeypatch.setattr(table, "_descends", lambda commit, since: commit == "new")
    runs = [Run("run --learner a"), Run("run --learner b", "new"), Run("run --learner c", "new")]
    found = {"metabench run --learner b": "old", "metabench run --learner c": "new+"}
    assert list(table.missing(runs, found)) == runs[:2]


def test_any_commit_will_do_where_none_is_named():
    assert not list(table.missing([Run("run")], {"metabench run": "unknown"}))


def test_results_are_found_by_their_commands(tmp_path):
    document = {"command": "metabench run", "environment": {"commit": "abc"}}
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "one.json").write_text(json.dumps(document), "utf-8")
    (tmp_path / "board" / "picture.json").write_text('{"steps": 3}', "utf-8")
    assert table.made(tmp_path) == {"metabench run": "abc"}
