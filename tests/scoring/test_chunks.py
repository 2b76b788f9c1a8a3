"""How many tasks are tested at once: an estimate, what programs really take, and what fails."""

import numpy as np
import pytest

from metabench.errors import UserError
from metabench.scoring import episodes as module
from metabench.scoring.chunks import chunk_size, fitting, while_memory_lasts
from metabench.scoring.episodes import make_evaluator
from metabench.types import EpisodeShape
from tests.scoring.test_episodes import SHAPE, counts, noisy

FULL = RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4096 bytes")


@pytest.mark.parametrize(
    ("shape", "chunk"),
    [
        (EpisodeShape(5, 1, 15, (28, 28, 1)), 16),  # 80 images · 784 · 64 · 4 bytes = 16 MB
        (EpisodeShape(5, 1, 1, (28, 28, 1)), 64),
        (EpisodeShape(20, 5, 15, (84, 84, 3)), 1),
        # 12,800 images · 16 · 64 and 12,000 queries · 1,600 scores, 4 bytes each: 129 MB
        (EpisodeShape(800, 1, 15, (4, 4, 1)), 2),
    ],
)
def test_chunk_size(shape, chunk):
    assert chunk_size(shape) == chunk


def test_the_largest_program_that_fits():
    assert fitting(64, lambda chunk: 10 * chunk, 200) == 16
    assert fitting(64, lambda chunk: 10 * chunk, 640) == 64
    assert fitting(64, lambda chunk: 10 * chunk, 5) == 1
    assert fitting(64, lambda chunk: 10 * chunk, None) == 64


def test_a_program_that_cannot_be_compiled_for_lack_of_memory_does_not_fit():
    def wanted(chunk):
        if chunk > 8:
            raise FULL
        return chunk

    assert fitting(64, wanted, 100) == 8
    with pytest.raises(ZeroDivisionError):
        fitting(64, lambda chunk: 1 // 0, 100)


def test_what_a_program_takes_is_measured_before_it_runs(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "fitting", lambda chunk, wanted, free: asked.append(wanted) or 4)
    whole = counts(noisy(), 10)
    small, large = asked[0](4), asked[0](64)
    assert 0 < small < large
    monkeypatch.setattr(module, "fitting", lambda chunk, wanted, free: 16)
    np.testing.assert_array_equal(counts(noisy(), 10), whole)


@pytest.mark.parametrize("error", [FULL, MemoryError()])
def test_out_of_memory_is_met_by_half_the_chunk(error, monkeypatch, capsys):
    whole, seen, run = counts(noisy(), 30), [], make_evaluator(noisy(), SHAPE)
    monkeypatch.setattr(module, "_workers", lambda devices: 1)

    def fails(state, table, key, indices):
        seen.append((len(indices), int(indices[0])))
        if len(indices) > 4 and seen[-1] != (8, 0):
            raise error
        return run(state, table, key, indices)

    np.testing.assert_array_equal(counts(noisy(), 30, evaluator=fails), whole)
    assert [one for one in seen if one[1] == 0] == [(64, 0), (32, 0), (16, 0), (8, 0)]
    assert next(one for one in seen if one[0] == 4) == (4, 8)  # what was done is not done again
    assert "goes on with 4 tasks at once" in capsys.readouterr().err


def test_without_memory_for_one_task_an_error_says_so():
    def fails(chunk):
        raise FULL

    with pytest.raises(UserError, match="memory ran out in the test of a single task"):
        while_memory_lasts(fails, 4, lambda text: None)


def test_other_errors_are_raised_at_once():
    said = []

    def fails(chunk):
        raise FloatingPointError("no number")

    with pytest.raises(FloatingPointError):
        while_memory_lasts(fails, 4, said.append)
    assert not said
