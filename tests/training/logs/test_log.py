"""Logs of trainings: the same figures in each, also after an interruption."""

import csv

import pytest

from metabench.errors import UserError
from metabench.training.logs import csv_log
from metabench.training.logs import log as log_module
from metabench.training.logs.log import check_logs, logged
from metabench.training.loop import Point, Report, Trained
from metabench.training.watcher import Watcher


def report(step, validation=None):
    return Report(step, 8, 1 / step, 2.0, validation, 1.0)


def rows(path):
    with path.open(newline="") as file:
        return [(int(r["step"]), r["loss"], r["validation_accuracy"]) for r in csv.DictReader(file)]


def test_a_csv_has_a_row_for_each_report_of_each_seed(tmp_path):
    seen = []
    watcher = Watcher(training=lambda seed, found: seen.append((seed, found.step)))
    with logged(watcher, ["csv"], tmp_path, "a run", {}) as told:
        for seed in (0, 1):
            told.training(seed, report(2))
            told.training(seed, report(4, 0.5))
        told.trained(1, Trained(None, None, history=[Point(8, 0.25, 0.0, 0.75, 1.0)]))
    assert seen == [(0, 2), (0, 4), (1, 2), (1, 4)]
    assert rows(tmp_path / "log-seed0.csv") == [(2, "0.5", ""), (4, "0.25", "0.5")]
    assert rows(tmp_path / "log-seed1.csv")[2:] == [(8, "0.25", "0.75")]


def test_a_resumed_training_goes_on_in_its_log(tmp_path):
    for first in (1, 4):  # killed at 6, resumed from the checkpoint at 3
        with logged(Watcher(), ["csv"], tmp_path, "a run", {}) as told:
            for step in range(first, 7):
                told.training(0, report(step))
        with (tmp_path / "log-seed0.csv").open("a") as file:
            file.write("7,0.1" if first == 1 else "")
    assert [step for step, _, _ in rows(tmp_path / "log-seed0.csv")] == [1, 2, 3, 4, 5, 6]


def test_seeds_that_are_trained_together_have_a_log_each(tmp_path, monkeypatch):
    opened = []

    def opener():
        usual = csv_log.opener()
        return lambda subject: opened.append(subject.seed) or usual(subject)

    monkeypatch.setattr(log_module, "_opener", lambda kind: opener())
    with logged(Watcher(), ["csv"], tmp_path, "a run", {}) as told:
        for step in (2, 4):
            for seed in (0, 1):
                told.training(seed, report(step))
        for seed in (0, 1):
            told.trained(seed, Trained(None, None))
    assert opened == [0, 1]
    for seed in (0, 1):
        assert [step for step, _, _ in rows(tmp_path / f"log-seed{seed}.csv")] == [2, 4]


def test_tensorboard_has_the_scalars(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    with logged(Watcher(), ["tensorboard"], tmp_path, "a run", {}) as told:
        told.training(0, report(2, 0.5))
    (path,) = (tmp_path / "tensorboard" / "seed0").iterdir()
    content = path.read_bytes()
    for name in (b"loss", b"validation_accuracy", b"episodes_per_second"):
        assert name in content


def test_wandb_keeps_a_run_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed: it brings many packages")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with logged(Watcher(), ["wandb"], tmp_path, "a run", {"width": 4}) as told:
        told.training(0, report(2, 0.5))
    assert list((tmp_path / "wandb").glob("offline-run-*"))


def test_an_unknown_kind_is_one_sentence():
    with pytest.raises(UserError, match="did you mean `csv`"):
        check_logs(["csw"])


def test_without_a_log_nothing_changes(tmp_path):
    watcher = Watcher()
    with logged(watcher, [], tmp_path, "a run", {}) as told:
        assert told is watcher
