"""The learning curve: a PNG that holds every seed, whatever the numbers."""

from __future__ import annotations

import subprocess
import sys

import matplotlib.figure
import numpy as np
import pytest
from PIL import Image

from metabench.plots import learning_curve
from metabench.train import Point

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


def test_matplotlib_is_imported_only_to_draw():
    code = "import sys, metabench.plots; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
