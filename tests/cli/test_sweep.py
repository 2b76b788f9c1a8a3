"""`metabench sweep`: the table of runs, the summary, and its exit codes."""

import pytest

from metabench.sweeps.executors import executor
from metabench.sweeps.work import perform
from tests.sweeps.conftest import TOY, inline  # noqa: F401

GRID = f"""
learners = ["pixel_nn", "{TOY}"]
seeds = 2

[protocols]
dataset = "strokes"
way = 2
query = 2
episodes = 4
image_size = 16

[settings."{TOY}"]
width = [4, 8]

[train]
steps = 2
validate_every = 1
validation_episodes = 2
chunk = 1
"""


@pytest.fixture
def grid(tmp_path, monkeypatch, inline):  # noqa: F811
    """The file of a grid, whose runs are performed in this process."""
    monkeypatch.setattr("metabench.sweeps.sweep.opened", lambda machines: inline.executor)
    path = tmp_path / "grid.toml"
    path.write_text(GRID)
    return path


def test_a_sweep_from_its_plan_to_its_summary(metabench, grid, inline, tmp_path):  # noqa: F811
    planned = metabench("sweep", grid, "--dry-run")
    assert (planned.code, inline.jobs) == (0, [])
    assert "5 runs, of which 0 have results; no result here tells how long 5 of" in planned.out
    done = metabench("sweep", grid)
    assert done.code == 0, done.err
    assert "done 5/5: " in done.err
    assert "no test accuracy plays a part" in done.out.replace("\n", " ")
    assert "results: 3 of 3 in leaderboards" in done.out
    assert "2 settings" in done.out
    planned = metabench("sweep", grid, "--dry-run")
    assert "5 runs, of which 5 have results\n" in planned.out
    path = tmp_path / "more.toml"
    path.write_text(GRID.replace("seeds = 2", "seeds = 3").replace("[4, 8]", "4"))
    planned = metabench("sweep", path, "--dry-run")
    assert "4 runs, of which 3 have results; about 0.0" in planned.out
    board = metabench("leaderboard")
    assert board.out.count("toy.toy") == 2
    assert "left out" not in board.err


def test_failures_end_with_exit_code_1(metabench, grid, inline):  # noqa: F811
    inline.perform = lambda spec: (
        ("failed", "it burns") if "width" in spec["settings"] else perform(spec)
    )
    done = metabench("sweep", grid)
    assert done.code == 1
    assert done.out.count("failed twice: toy.toy under ") == 4
    assert "width=8, seed 1: it burns" in done.out
    assert "results: 1 of 3" in done.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("none.toml",), "error: `grid` none.toml cannot be read"),
        (("{grid}", "--jobs", "0"), "error: `jobs` is 0"),
        (("{grid}", "--executor", "cloud"), "error: `executor` is 'cloud'"),
        (("{grid}", "--per-job", "0"), "error: `per_job` is 0"),
        (("{grid}", "--data", "disk"), "error: `data` is 'disk'"),
        (("{grid}", "--option", "a=1"), "error: `option` belongs to"),
    ],
)
def test_a_mistake_is_one_sentence(metabench, grid, monkeypatch, arguments, sentence):
    monkeypatch.setattr("metabench.sweeps.sweep.opened", executor.opened)
    done = metabench("sweep", *(one.format(grid=grid) for one in arguments))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(sentence)
    assert done.err.count("\n") == 1
