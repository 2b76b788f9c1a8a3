"""Forecasts and learned optimizers are replayed, and what was changed is found."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from metabench.entries import other_tracks
from metabench.entries.other_tracks import verify_document
from metabench.entries.verify import Wanted
from metabench.errors import UserError
from metabench.files.canonical import canonical
from metabench.learned_optimizers.problems.tasks import build
from metabench.recipes import Recipe
from metabench.results import head
from metabench.results.status import status_of
from metabench.results.track_documents import documents
from metabench.scoring import functions as forecasts
from metabench.tasks import gaussian_process as gp
from metabench.tracks.fewshot.request import Places
from metabench.tracks.forecast.plan import plan_forecast
from metabench.tracks.forecast.run import execute
from metabench.tracks.optimizers.replay import losses_again, trainings_of
from metabench.training.watcher import Watcher
from metabench.types import FunctionShape
from tests.places import ROOT

OPTIMIZER = ROOT / "leaderboards" / "optimizers" / "quadratic" / "lstm-5e9a8543.json"


@pytest.fixture(scope="module")
def forecast(tmp_path_factory):
    """The file of a short run, and what is wanted of its verification."""
    folder = tmp_path_factory.mktemp("forecast")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gp, "GRID", (3, 2, 2))
        patch.setattr(gp, "FIT_STEPS", 2)
        patch.setattr(forecasts, "CHUNK", 4)
        plan = plan_forecast(
            "lstm",
            FunctionShape(1, 6),
            recipe=Recipe("defaults"),
            settings={"width": 8, "warmup": 0},
            lengths={"steps": 2, "batch": 2, "validate_every": 2, "validation_episodes": 2},
            functions=7,
            seed=0,
            run_dir=folder / "runs",
        )
        made = execute(plan, resume=False, command="metabench forecast", watcher=Watcher())
        path = folder / "boards" / "forecast" / plan.protocol / "lstm.json"
        path.parent.mkdir(parents=True)
        path.write_text(canonical(made.document), "utf-8")
        yield path, Wanted(tasks=3, seed=1, places=Places(folder / "runs", quiet=True))


def changed(path, to, change):
    """A copy of a document, changed."""
    document = json.loads(path.read_text("utf-8"))
    change(document)
    to.write_text(canonical(document), "utf-8")
    return to


def wrong(verified):
    return {one.what for one in verified.findings if not one.holds}


def test_a_forecast_is_replayed_and_signed(forecast):
    path, wanted = forecast
    document = head.read(path)
    assert document["run"]["train_flops"] > 0
    assert status_of(document) == "claimed"
    found = verify_document(path, wanted)
    assert wrong(found) == set()
    assert found.tasks == 3
    other_tracks.sign(found, "B. Reader")
    assert status_of(head.read(path)) == "replayed"
    assert documents(path.parents[2]).left_out == []


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("log-likelihoods", lambda d: d["scores"].update(
            learner=[one + 0.01 for one in d["scores"]["learner"]])),
        ("mean", lambda d: d["log_likelihood"]["learner"].update(mean=0.5)),
        ("parameter_count", lambda d: d.update(parameter_count=1)),
        ("protocol", lambda d: d["protocol"].update(id="functions-1d-40points-v1")),
    ],
)  # fmt: skip
def test_what_was_changed_in_a_forecast_is_named(forecast, tmp_path, what, change):
    path, wanted = forecast

    def unsigned(document):
        document.pop("signatures", None)
        change(document)

    assert what in wrong(verify_document(changed(path, tmp_path / "a.json", unsigned), wanted))


def test_a_change_after_a_signature_is_found_without_a_replay(forecast, tmp_path):
    path, wanted = forecast
    signed = tmp_path / "forecast" / "board" / "signed.json"
    signed.parent.mkdir(parents=True)
    found = verify_document(path, wanted)
    other_tracks.sign(found._replace(place=signed), "B. Reader")
    changed(signed, signed, lambda document: document.update(command="another"))
    assert wrong(verify_document(signed, wanted)) == {"the document"}
    said = "; ".join(documents(tmp_path).left_out)
    assert "was changed after B. Reader signed it as replayed" in said


def test_what_these_tracks_have_not_is_refused(forecast):
    path, wanted = forecast
    with pytest.raises(UserError, match="`canaries` is for results of few-shot learners"):
        verify_document(path, Wanted(canaries=True, places=wanted.places))


@pytest.fixture(scope="module")
def optimizer(tmp_path_factory):
    """A result of a few steps of a committed optimizer, with its file beside it."""
    folder = tmp_path_factory.mktemp("optimizers") / "quadratic"
    folder.mkdir()
    shutil.copy(OPTIMIZER.with_suffix(".npz"), folder)
    document = head.read(OPTIMIZER)
    document["protocol"] |= {"instances": 5, "stops": [2, 4]}
    optimizee = build("quadratic", None, None, False)
    trainings = trainings_of(document, folder.glob("*.npz"))
    losses = losses_again(document, optimizee, trainings, np.arange(5))
    document["scores"] = {"lstm": losses.tolist()}
    for row, found in zip(document["figures"]["lstm"]["at"], losses, strict=False):
        row["final_loss"]["mean"] = float(found.mean())
    path = folder / OPTIMIZER.name
    path.write_text(canonical(document), "utf-8")
    return path


def test_an_optimizer_is_replayed_on_some_instances(optimizer, tmp_path):
    wanted = Wanted(tasks=2, seed=3, places=Places(tmp_path, quiet=True))
    found = verify_document(optimizer, wanted)
    assert wrong(found) == set()
    assert [one.what for one in found.findings if "losses" in one.what] == [
        "losses after 2 steps", "losses after 4 steps",
    ]  # fmt: skip

    def better(document):
        document["scores"]["lstm"][1] = [[0.9 * one for one in document["scores"]["lstm"][1][0]]]

    folder = tmp_path / "quadratic"
    folder.mkdir()
    shutil.copy(optimizer.with_suffix(".npz"), folder)
    told = wrong(verify_document(changed(optimizer, folder / "a.json", better), wanted))
    assert told == {"losses after 4 steps", "mean after 4 steps"}


def test_an_optimizer_without_its_file_is_a_sentence(optimizer, tmp_path):
    alone = tmp_path / "board" / "alone.json"
    alone.parent.mkdir()
    shutil.copy(optimizer, alone)
    with pytest.raises(UserError, match="the file of the optimizer is not here"):
        verify_document(alone, Wanted(places=Places(Path(tmp_path), quiet=True)))


def test_an_older_document_needs_all_of_its_instances(tmp_path):
    wanted = Wanted(tasks=2, places=Places(tmp_path, quiet=True))
    with pytest.raises(UserError, match="older than the losses of single instances; `--all`"):
        verify_document(OPTIMIZER, wanted)
