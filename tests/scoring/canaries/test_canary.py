"""When a canary holds, and that a result document keeps it."""

import numpy as np
import pytest

from metabench.scoring.canaries.canary import (
    Seen,
    as_json,
    at_chance,
    compared,
    from_json,
    recognised,
    skipped,
)

TASKS = 100


def seen(right=0.5, changed=0.0, unanswered=False, noise=0.1):
    spread = noise * np.resize([-1.0, 1.0], TASKS)
    return Seen(right + spread, np.full(TASKS, changed), np.full(TASKS, unanswered))


@pytest.mark.parametrize(
    ("right", "exact", "unanswered", "holds"),
    [
        (0.25, True, False, True),
        (0.28, True, False, True),  # four standard errors are 0.04
        (0.30, True, False, False),
        (0.20, True, False, False),
        (0.20, False, False, True),
        (0.20, True, True, True),
        (0.30, False, True, False),
    ],
)
def test_at_chance(right, exact, unanswered, holds):
    one = at_chance("a", seen(right, 0, unanswered), 0.25, "leaks", exact=exact)
    assert one.holds is holds
    assert ("look for leaks" in one.said) is not holds


def test_exactly_at_chance_without_any_noise():
    assert at_chance("a", seen(np.float32(0.2), noise=0.0), 0.2, "leaks").holds


@pytest.mark.parametrize(("right", "holds"), [(1.0, True), (0.94, True), (0.9, False)])
def test_recognised(right, holds):
    assert recognised("a", seen(right)).holds is holds


@pytest.mark.parametrize(
    ("right", "changed", "binding", "as_good", "holds"),
    [
        (0.5, 0.0, True, True, True),
        (0.5, 0.0, False, False, None),
        (0.5, 0.01, True, False, False),
        (0.5, 0.01, False, True, True),
        (0.4, 0.1, False, False, None),
        (0.4, 0.1, False, True, False),
    ],
)
def test_compared(right, changed, binding, as_good, holds):
    found, usual = seen(right, changed), seen(0.5)
    one = compared("a", found, usual, cause="Mend it", binding=binding, as_good=as_good)
    assert one.holds is holds
    assert one.expected == ("unchanged" if binding else "measured")
    assert one.said.endswith(". Mend it") is (holds is False)


def test_a_document_keeps_them():
    found = (recognised("a", seen()), skipped("b", "1", "there is none"))
    assert from_json(as_json(found)) == found
    assert from_json([{"name": "a", "mean": 1, "ci95": 0, "expected": "1", "holds": True}])[0] == (
        "a", 1, 0, "1", True, "",
    )  # fmt: skip
