"""The plan and the result document of a run on functions."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

from metabench import recipes
from metabench.errors import UserError
from metabench.files import canonical
from metabench.recipes import Recipe
from metabench.results.head import head_of, loaded
from metabench.scoring import functions as forecasts
from metabench.tasks import gaussian_process as gp
from metabench.tracks.forecast.plan import ForecastPlan, plan_forecast
from metabench.tracks.forecast.run import execute
from metabench.training.watcher import Watcher
from metabench.types import FunctionShape

METHODS = ["gp_averaged", "gp_fitted", "gp_true", "learner", "prior"]


def plan(tmp_path, learner="lstm", shape=None, **options):
    usual = {
        "recipe": Recipe("defaults"),
        "settings": {"width": 8, "warmup": 0},
        "lengths": {"steps": 4, "batch": 2, "validate_every": 2, "validation_episodes": 3},
        "functions": 5,
        "seed": 0,
        "run_dir": tmp_path,
    }
    return plan_forecast(learner, shape or FunctionShape(1, 8), **{**usual, **options})


@pytest.fixture
def quick(monkeypatch):
    """A coarse grid of kernels, little fitting."""
    monkeypatch.setattr(gp, "GRID", (3, 2, 2))
    monkeypatch.setattr(gp, "FIT_STEPS", 2)
    monkeypatch.setattr(forecasts, "CHUNK", 4)


def test_forecasts_without_a_density_end_in_a_sentence(tmp_path, quick):
    made = plan(tmp_path)

    def lost(state, xs, before, key):
        found = made.learner.forecast(state, xs, before, key)
        return found._replace(mean=found.mean * jnp.nan)

    broken = dataclasses.replace(made, learner=made.learner._replace(forecast=lost))
    with pytest.raises(UserError, match=r"in 5 of 5 test functions .* no finite density"):
        execute(broken, resume=False, command="", watcher=Watcher())


def test_a_run_ends_in_a_document(tmp_path, quick):
    told = []
    watcher = Watcher(evaluating=lambda seed, done, total: told.append((done, total)))
    made = plan(tmp_path)
    found = execute(made, resume=False, command="metabench forecast", watcher=watcher)
    document = json.loads(canonical.canonical(found.document))
    assert told == [(4, 5), (5, 5)]
    assert sorted(document["log_likelihood"]) == METHODS
    head = head_of(loaded(json.dumps(document)))  # it fits its schemas
    assert (head.track, head.learner, head.seeds) == ("forecast", "lstm", (0,))
    for name, scores in document["scores"].items():
        assert len(scores) == 5
        assert np.mean(scores) == pytest.approx(document["log_likelihood"][name]["mean"], abs=1e-3)
    assert document["command"] == "metabench forecast"
    assert document["protocol"]["id"] == "functions-1d-8points-5functions-v1"
    assert document["parameter_count"] == 4 * 8 * (2 + 8 + 1) + 8 * 2 + 2
    for rows in (*document["log_likelihood"].values(), *document["learner_minus"].values()):
        assert len(rows["by_step"]) == len(rows["by_step_ci95"]) == 8
        assert np.mean(rows["by_step"]) == pytest.approx(rows["mean"], abs=1e-4)
    rows = document["log_likelihood"]
    for name, difference in document["learner_minus"].items():
        expected = rows["learner"]["mean"] - rows[name]["mean"]
        assert difference["mean"] == pytest.approx(expected, abs=1e-4)
    assert rows["gp_true"]["mean"] > rows["prior"]["mean"]
    assert document["run"]["best_step"] in (2, 4)
    (first, *_) = found.examples
    assert first.seen.shape == (2, 2)
    assert first.later.shape == (6, 2)
    assert first.learner.mean.shape == first.gp.deviation.shape == first.xs.shape
    # The process passes by the points that it was shown, to within its noise.
    near = np.interp(first.seen[:, 0], first.xs, first.gp.mean)
    assert np.abs(near - first.seen[:, 1]).max() < 0.6


@pytest.mark.slow
def test_a_resumed_run_ends_in_the_same_figures(tmp_path, quick):
    def figures(folder, steps, resume):
        settings = {"width": 8, "warmup": 0, "steps": 4}
        made = plan(folder, shape=FunctionShape(2, 4), settings=settings)
        # As if interrupted: the folder is named after the whole plan.
        short = dataclasses.replace(made, lengths=dataclasses.replace(made.lengths, steps=steps))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ForecastPlan, "folder", made.folder)
            found = execute(short, resume=resume, command="", watcher=Watcher())
        assert found.examples == ()
        return found.document["log_likelihood"]

    whole = figures(tmp_path / "a", 4, resume=False)
    assert figures(tmp_path / "b", 2, resume=False) != whole
    assert figures(tmp_path / "b", 4, resume=True) == whole


def test_the_id_spells_out_departures(tmp_path):
    made = plan(tmp_path, functions=1000, shape=FunctionShape(3, 40))
    assert made.protocol == "functions-3d-40points-v1"
    assert made.folder.parent == tmp_path / "functions-3d-40points-v1"
    assert made.folder != plan(tmp_path, settings={"width": 9}).folder


def test_the_figures_of_the_docs_are_those_of_the_committed_result():
    root = recipes.folder().parent
    (path,) = (root / "leaderboards" / "forecast").glob("*/*.json")
    document = json.loads(path.read_text("utf-8"))
    page = (root / "docs" / "forecast.md").read_text("utf-8")
    assert str(path.relative_to(root)) in page
    assert document["command"] in page
    found = document["log_likelihood"] | {"difference": document["learner_minus"]["gp_fitted"]}
    words = {"learner": "`mann`", "difference": "`mann` minus `gp_fitted`, paired"}
    for name, rows in found.items():
        mean = f"{rows['mean']:.3f} ± {rows['ci95']:.3f}"
        steps = [
            f"{rows['by_step'][step - 1]:.3f}"
            + (f" ± {rows['by_step_ci95'][step - 1]:.3f}" if name == "difference" else "")
            for step in (2, 5, 10, 20, 40)
        ]
        line = " | ".join([words.get(name, f"`{name}`"), mean, *steps])
        assert f"| {line} |" in page, line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"learner": "protonet"}, "`learner` is protonet, which has no part .* fast_weights, lstm"),
        ({"functions": 1}, "`functions` is 1; it must be at least 2"),
        ({"shape": FunctionShape(0, 8)}, "`dimensions` is 0"),
        ({"settings": {"widht": 3}}, "did you mean `width`"),
        ({"lengths": {"stps": 3}}, "did you mean `steps`"),
        ({"settings": {"presentations": 3}}, "`presentations` is 3"),
    ],
)
def test_mistakes_are_refused(tmp_path, options, said):
    with pytest.raises(UserError, match=said):
        plan(tmp_path, **options)
    assert not list(tmp_path.iterdir())
