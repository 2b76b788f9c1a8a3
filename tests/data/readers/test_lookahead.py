"""Threads that keep the order, the memory and the errors of one."""

import threading
from itertools import count, islice

import pytest

from metabench.data.readers.lookahead import AHEAD, in_order


@pytest.mark.parametrize("items", [0, 1, 7, 1000])
def test_results_come_in_order(items):
    found = list(in_order(lambda n: n * n, range(items), threads=3, batch=4))
    assert found == [n * n for n in range(items)]


def test_little_is_drawn_ahead_of_what_is_asked_for():
    drawn = count()
    found = in_order(lambda n: n, (next(drawn) for _ in range(10_000)), threads=2, batch=4)
    assert list(islice(found, 5)) == [0, 1, 2, 3, 4]
    assert next(drawn) <= 4 * (2 * AHEAD + 1)
    found.close()


def test_an_error_comes_at_its_place_and_ends_the_threads():
    def inverse(n):
        return 1 / n

    found = in_order(inverse, [4, 2, 0, 1], threads=2, batch=1)
    assert [next(found), next(found)] == [0.25, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert not [t for t in threading.enumerate() if t.name.startswith("metabench")]


def test_work_is_spread_over_threads():
    both = threading.Barrier(2, timeout=10)  # broken unless two threads wait at once
    assert list(in_order(lambda n: both.wait() >= 0, range(2), threads=2, batch=1)) == [True, True]
