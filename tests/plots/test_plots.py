"""The learning curve: a PNG that holds every seed, whatever the numbers."""

from __future__ import annotations

import subprocess
import sys

import matplotlib.figure
import numpy as np
import pytest
from PIL import Image

from metabench.plots.forecasts import METHODS, forecasts_picture
from metabench.plots.inner_steps import inner_steps
from metabench.plots.learning_curve import learning_curve
from metabench.plots.presentations import by_presentation
from metabench.results.published_online import PublishedOnline
from metabench.scoring.summary import Summary
from metabench.tracks.forecast.run import Example
from metabench.training.loop import Point
from metabench.types import Forecast

CURVE = [
    Point(10, 1.5, 0.3, 0.35, 1.0),
    Point(20, 0.9, 0.6, 0.62, 2.0),
    Point(30, 0.8, 0.7, 0.6, 3),
]


@pytest.fixture
def drawn(monkeypatch):
    """Figures in the order in which they were saved."""
    figures, save = [], matplotlib.figure.Figure.savefig

    def saved(self, *arguments, **options):
        figures.append(self)
        return save(self, *arguments, **options)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", saved)
    return figures


def test_every_seed_is_drawn_and_its_best_point_marked(tmp_path, drawn):
    path = tmp_path / "new" / "curve.png"
    other = [point._replace(loss=point.loss / 2) for point in CURVE]
    learning_curve({0: CURVE, 7: other}, "a title", path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape == (468, 1170)
    assert pixels.std() > 10  # not blank
    left, right = drawn[0].axes
    assert [list(line.get_ydata()) for line in left.lines] == [[1.5, 0.9, 0.8], [0.75, 0.45, 0.4]]
    assert drawn[0].get_suptitle() == "a title"
    assert all(axes.get_xlabel() == "training step" for axes in drawn[0].axes)
    stars = [line for line in right.lines if line.get_marker() == "*"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in stars] == [(20, 62.0)] * 2
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == [
        f"seed {seed}, {part}" for seed in (0, 7) for part in ("validation", "training episodes")
    ]


@pytest.mark.parametrize(
    "curve",
    [
        CURVE[:1],
        [CURVE[0]._replace(loss=0.0, train_accuracy=1.0, validation=1.0)],
        [point._replace(train_accuracy=float("nan")) for point in CURVE],
    ],
    ids=["one point", "no loss", "no training accuracy"],
)
def test_odd_curves_are_drawn_without_a_warning(tmp_path, curve):
    learning_curve({0: curve}, "odd", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_presentations_are_drawn_with_the_papers_rows(tmp_path, drawn):
    lines = {
        "mann": [Summary(0.2, 0.01), Summary(0.75, 0.02)],
        "lstm (width=9)": [Summary(0.2, 0.0)],
    }
    paper = PublishedOnline("lstm", "Somebody", 2016, 5, "onehot", {"1": 24.4, "10": 62.5}, "")
    by_presentation(lines, [paper], "a title", tmp_path / "new" / "picture.png")
    assert (tmp_path / "new" / "picture.png").stat().st_size > 1000
    (axes,) = drawn[0].axes
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2], [1], [1, 10]]
    assert list(axes.lines[0].get_ydata()) == [20.0, 75.0]
    assert axes.lines[2].get_color() == axes.lines[1].get_color()  # the same learner


def rows(level):
    """Three steps at `level`, with intervals of 0.1."""
    return {"by_step": [level, level + 0.5, level + 1], "by_step_ci95": [0.1] * 3}


@pytest.mark.parametrize("number", [0, 2])
def test_forecasts_and_log_likelihoods_are_drawn(drawn, number):
    levels = {name: float(place) for place, (name, *_) in enumerate(METHODS)}
    document = {"learner": "mann", "log_likelihood": {n: rows(at) for n, at in levels.items()}}
    places = np.linspace(-1, 1, 5)
    flat = [Forecast(np.full(5, mean), np.full(5, 0.25)) for mean in (1.0, 2.0)]
    points = np.array([[0.0, 1.0], [0.5, 2.0]])
    example = Example(points, points[:1], places, flat[0], flat[1])
    content = forecasts_picture(document, [example] * number, "a title")
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    (figure,) = drawn
    *examples, by_step = figure.axes
    assert len(examples) == number
    shown = {line.get_label(): list(line.get_ydata()) for line in by_step.lines}
    assert shown["mann"] == [levels["learner"] + one for one in (0, 0.5, 1)]
    assert len(shown) == len(METHODS)
    for axes in examples:
        lines = {line.get_label(): line.get_ydata() for line in axes.lines}
        assert list(lines["mann, ± 2 σ"]) == [1.0] * 5
        assert list(lines["GP, true kernel, ± 2 σ"]) == [2.0] * 5
        assert list(lines["points shown"]) == [1.0, 2.0]
        bands = [collection.get_paths()[0].vertices[:, 1] for collection in axes.collections]
        assert sorted((band.min(), band.max()) for band in bands) == [(0.5, 1.5), (1.5, 2.5)]


def test_inner_steps_have_a_panel_for_each_name(tmp_path, drawn):
    gates = np.stack([np.full((2, 50), 0.5), np.linspace(0, 1, 100).reshape(2, 50)], 1)
    found = {"gate": gates, "error": np.ones((2, 2, 1))}
    inner_steps(found, "a title", tmp_path / "new" / "steps.png")
    assert (tmp_path / "new" / "steps.png").stat().st_size > 1000
    left, right = drawn[0].axes
    assert [left.get_title(), right.get_title()] == ["gate", "error"]
    assert list(left.lines[0].get_xdata()) == [1, 2]
    np.testing.assert_allclose(left.lines[0].get_ydata(), [0.5, 0.5], atol=1e-6)
    wide = left.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([wide[:, 1].min(), wide[:, 1].max()], [0.05, 0.95], atol=1e-6)


def test_matplotlib_is_imported_only_to_draw():
    kinds = (
        "contexts",
        "forecasts",
        "inner_steps",
        "learning_curve",
        "point_sets",
        "presentations",
    )
    imports = "; ".join(f"import metabench.plots.{kind}" for kind in kinds)
    code = f"import sys; {imports}; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
