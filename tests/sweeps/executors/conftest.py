"""A job that needs no training and no download."""

import pytest

from metabench.sweeps.cells import cells_of
from metabench.sweeps.grid import grid_of
from metabench.sweeps.spec import to_spec
from metabench.tracks.fewshot.request import Places
from tests.sweeps.conftest import TINY


@pytest.fixture
def runs(tmp_path):
    """Two runs of a learner without training."""
    protocols = [TINY["protocols"] | {"way": way, "episodes": 2} for way in (2, 3)]
    grid = grid_of({"learners": ["pixel_nn"], "protocols": protocols})
    cells = cells_of(grid, tmp_path / "board", Places(tmp_path / "runs", quiet=True))
    return [run for cell in cells for run in cell.runs]


@pytest.fixture
def job(runs):
    """The same as an executor takes them."""
    return [to_spec(run, None) for run in runs]
