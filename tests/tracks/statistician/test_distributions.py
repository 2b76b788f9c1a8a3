"""One-dimensional distributions: the draws, what contexts tell, and a short training."""

import json

import jax
import numpy as np
import pytest
from scipy import stats

from metabench.cli.main import app
from metabench.errors import UserError
from metabench.tracks.statistician import fitting
from metabench.tracks.statistician.distributions import FAMILIES, draw_sets, measure, told, train

pytestmark = pytest.mark.slow

SHAPES = {  # skewness and excess kurtosis
    "Laplace": (0, 3),
    "Gaussian": (0, 0),
    "reversed exponential": (-2, 6),
    "uniform": (0, -1.2),
}


def test_families_have_their_moments():
    drawn = draw_sets(jax.random.key(0), 40, 20_000)
    x = np.asarray(drawn.x, np.float64)[:, :, 0]
    np.testing.assert_allclose(x.mean(1), drawn.mean, atol=0.06)
    np.testing.assert_allclose(x.var(1), drawn.variance, rtol=0.12)
    assert set(np.asarray(drawn.family).tolist()) == set(range(len(FAMILIES)))
    for row, family in zip(x, np.asarray(drawn.family), strict=True):
        skewness, kurtosis = SHAPES[FAMILIES[family]]
        assert abs(stats.skew(row) - skewness) < 0.3
        assert abs(stats.kurtosis(row) - kurtosis) < 0.2 * abs(kurtosis) + 0.5


def test_what_contexts_tell():
    drawn = draw_sets(jax.random.key(1), 800, 2)
    contexts = np.stack([drawn.mean, drawn.variance, 5.0 * np.asarray(drawn.family)], axis=1)
    everything = told(contexts, drawn)
    assert everything["family"] == 1
    assert min(everything["mean"], everything["variance"]) > 0.9
    nothing = told(np.random.default_rng(0).normal(size=(800, 3)), drawn)
    assert abs(nothing["family"] - 0.25) < 0.08
    assert max(nothing["mean"], nothing["variance"]) < 0.05
    means = told(np.asarray(drawn.mean)[:, None], drawn)
    assert means["mean"] > 0.95
    assert means["variance"] < 0.1


@pytest.mark.slow
def test_training_lowers_the_bounds_negative(monkeypatch):
    monkeypatch.setattr(fitting, "CHUNK", 20)
    losses = []
    train(60, 0, lambda step, loss: losses.append(loss))
    assert len(losses) == 3
    assert losses[-1] < losses[0] - 0.02
    assert losses[-1] < 1.8  # a Gaussian that knows nothing of the set has 1.67


@pytest.mark.slow
def test_contexts_learn_mean_and_variance():
    figures = measure(train(600, 0), 0).figures
    assert figures["mean"] > 0.9
    assert figures["variance"] > 0.5
    assert figures["family"] > 0.35


def test_no_steps():
    with pytest.raises(UserError, match="`steps` is 0; it must be at least 1"):
        train(0, 0)


def test_the_command_writes_a_picture_and_its_figures(tmp_path, capsys):
    out = tmp_path / "space.png"
    command = ["statistician", "distributions", "--steps", "2", "--out", str(out)]
    app(command, standalone_mode=False)
    assert out.read_bytes().startswith(b"\x89PNG")
    document = json.loads(out.with_suffix(".json").read_text())
    assert set(document) == {"command", "family", "mean", "seed", "sets", "steps", "variance"}
    assert f"picture: {out}" in capsys.readouterr().out
