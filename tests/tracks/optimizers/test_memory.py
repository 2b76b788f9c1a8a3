"""An evaluation that does not fit into memory is refused before anything is trained."""

import pytest

from metabench.compute import memory
from metabench.errors import UserError
from metabench.learned_optimizers.problems.quadratic import quadratic
from metabench.tracks.optimizers.evaluation import asked
from metabench.tracks.optimizers.memory import check_memory, needed

OURS = asked("quadratic", None, (1, 2, 10), 100, "tune")


def test_what_is_usual_fits_everywhere():
    assert needed(OURS, quadratic(), 3) < 2**28


def test_it_grows_with_steps_instances_and_seeds():
    few = asked("quadratic", 2, (1, 2, 10), 100)
    assert needed(few, quadratic(), 1) == 2 * 4 * quadratic().tuning * 1000  # while tuning
    many = asked("quadratic", 100_000, (1, 2, 10), 100)
    seeds = [needed(many, quadratic(), seeds) for seeds in (1, 2)]
    assert seeds[1] - seeds[0] == 100_000 * 1000 * (4 + 24)
    # The learned one, four baselines, and two that are run to each stop by itself.
    assert seeds[0] == 100_000 * (4 * (1000 + 4 * 1000 + 2 * 1300) + 24 * 1000)
    with_reset = asked("quadratic", 100_000, (1, 2, 10), 100, 50)
    assert needed(with_reset, quadratic(), 1) - seeds[0] == 100_000 * 1000 * 4


@pytest.mark.parametrize("free", [None, 2**40])
def test_where_there_is_room_or_nothing_is_known(monkeypatch, free):
    monkeypatch.setattr(memory, "available", lambda: free)
    check_memory(OURS, quadratic(), 1)


def test_what_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 8_000_000_000)
    long = asked("quadratic", None, (1, 1_000_000), 100)
    with pytest.raises(UserError, match=r"100,000,000 steps: .*6,400 GB of memory, and 8.0 GB"):
        check_memory(long, quadratic(), 1)
    with pytest.raises(UserError, match=r"`multiples` reaches 2,147,483,648 steps; there must be"):
        asked("quadratic", 2, (1, 2**24), 128)
