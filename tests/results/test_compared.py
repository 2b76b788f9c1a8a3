"""Two results, episode by episode."""

from dataclasses import replace

import pytest

import metabench
from metabench.errors import UserError
from metabench.results.compared import compare
from metabench.results.document import default_path, write
from tests.made_up_result import made_up

FIRST = made_up("protonet", (10, 8, 10, 8))  # 0.9
SECOND = made_up("matching", (9, 8, 8, 7))  # 0.8
SEEDS = made_up("maml", (10, 10, 8, 8), (8, 8, 6, 6))


def test_a_comparison_by_hand():
    """Those of `test_intervals.py`, of p-values and of powers."""
    found = compare(FIRST, SECOND)
    assert found.record() == {
        "protocol": FIRST.protocol.id,
        "a": "protonet",
        "b": "matching",
        "episodes": 4,
        "seeds_a": 1,
        "seeds_b": 1,
        "accuracy_a": pytest.approx(0.9),
        "ci95_a": pytest.approx(0.113161, abs=1e-6),
        "accuracy_b": pytest.approx(0.8),
        "ci95_b": pytest.approx(0.080017, abs=1e-6),
        "difference": pytest.approx(0.1),
        "ci95": pytest.approx(0.080017, abs=1e-6),
        "one_seed": True,
        "episode_error": pytest.approx(0.040825, abs=1e-6),
        "seed_error": None,
        "p_value": pytest.approx(0.01431, abs=1e-5),
        "told_apart": True,
        "power": 0.8,
        "episodes_needed": 6,
        "seeds_needed": None,
        "episodes_needed_together": None,
        "seeds_needed_together": None,
    }
    assert str(found).splitlines()[1:] == [
        "protonet: 90.00 ± 11.32 %, 1 seed",
        "matching: 80.00 ± 8.00 %, 1 seed",
        "difference: 10.00 ± 8.00 points, the first less the second; 95 % interval over episodes",
        "standard error: 4.08 from the episodes, unknown from the seeds",
        "p = 0.014: they are told apart; with one training seed, another training may change it",
        "needed for such a difference, with power 0.8: about 6 episodes with these seeds",
    ]


def test_seeds_are_part_of_the_interval():
    found = compare(SEEDS, FIRST)
    assert not found.told_apart
    assert found.errors.seeds == pytest.approx(0.1)
    assert "95 % interval over episodes and seeds" in str(found)
    assert compare(SEEDS, replace(SEEDS, learner="anil")).needed.seeds is None


def test_one_learner_twice_is_named_by_its_options():
    other = replace(FIRST, hyperparameters={"width": 32, "clip": None})
    assert compare(FIRST, other).names == ("protonet (width=64)", "protonet (width=32)")
    assert "no number of episodes tells equal means apart" in str(compare(FIRST, other))
    assert compare(FIRST, FIRST).p_value == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"protocol": replace(SECOND.protocol, shot=5)}, "protocols strokes-.*1shot.* and .*5shot"),
        ({"episode_digest": "f" * 64}, "episodes eeeeeeeeeeee and ffffffffffff"),
        ({"dataset_digest": "f" * 64}, "datasets dddddddddddd and f.*; training data d"),
        ({"split_digest": "f" * 64}, "splits 555555555555 and ffffffffffff"),
    ],
)
def test_results_of_other_boards_are_refused_with_the_reason(change, reason):
    with pytest.raises(UserError, match="are of different boards, so their .*" + reason):
        compare(FIRST, replace(SECOND, **change))


def test_files_and_names(tmp_path):
    for result in (FIRST, SECOND):
        write(result, default_path(result, tmp_path))
    path, name = default_path(FIRST, tmp_path), f"{SECOND.protocol.id}/matching"
    assert metabench.compare(path, name, tmp_path) == compare(FIRST, SECOND)
    assert metabench.compare(str(path), SECOND) == compare(FIRST, SECOND)
