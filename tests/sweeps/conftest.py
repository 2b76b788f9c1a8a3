"""A grid whose runs take a second, and an executor in this very process."""

from concurrent.futures import Future

import pytest

from metabench.sweeps.cells import cells_of
from metabench.sweeps.executors.executor import Executor
from metabench.sweeps.grid import grid_of
from metabench.sweeps.work import perform
from metabench.tracks.fewshot.request import Places
from tests.places import ROOT

TOY = f"{ROOT}/tests/sweeps/toy.py:toy"
TINY = {
    "learners": [TOY],
    "seeds": 2,
    "protocols": {"dataset": "strokes", "way": 2, "query": 2, "episodes": 4, "image_size": 16},
    "settings": {TOY: {"width": 4}},
    "train": {"steps": 2, "validate_every": 1, "validation_episodes": 2, "chunk": 1},
}


@pytest.fixture
def cells(tmp_path):
    """The cells of a grid in a new folder, of `TINY` with what is given in its place."""

    def made(**other):
        places = Places(tmp_path / "runs", quiet=True)
        return cells_of(grid_of({**TINY, **other}), tmp_path / "board", places)

    return made


@pytest.fixture
def inline():
    """An executor that performs a job as it is submitted; `jobs` are its specs."""

    class Inline:
        def __init__(self):
            self.jobs = []
            self.executor = Executor(self.submit, lambda: None)

        def submit(self, job):
            self.jobs.append(job)
            done = Future()
            try:
                done.set_result([self.perform(spec) for spec in job])
            except Exception as error:
                done.set_exception(error)
            return done

        perform = staticmethod(perform)

    return Inline()
