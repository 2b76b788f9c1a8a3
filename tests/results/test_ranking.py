"""Ranking worked by hand: ties are ranges, and results that do not compare never meet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metabench.results import intervals, ranking
from tests.made_up_result import made_up

# 10 queries in each of 4 episodes.
FIRST = made_up("protonet", (10, 8, 10, 8))  # 0.9
SECOND = made_up("matching", (9, 8, 8, 7))  # 0.8, behind the first by 0.1 ± 0.08
THIRD = made_up("maml", (9, 8, 7, 7))  # 0.775, behind the second by 0.025 ± 0.049
FOURTH = made_up("anil", (7, 5, 6, 4))  # 0.55, behind all of them


def untrained(result):
    return replace(result, runs=tuple(replace(run, train_steps=0) for run in result.runs))


def transferred(learner, **changes):
    """Of a protocol whose meta-training is on another dataset."""
    protocol = {"trained_on": "omniglot/vinyals"}
    return made_up(learner, protocol=protocol, training_digest="a" * 64, **changes)


def shown(boards):
    """The learners of each board."""
    return sorted(sorted(row.result.learner for row in rows) for rows in boards.values())


def test_a_rank_is_a_range_by_hand():
    """p-values 0.000, 0.000, 0.000, 0.014, 0.047, 0.317; the last two are above 0.05/2 and 0.05."""
    (rows,) = ranking.rank([FOURTH, SECOND, THIRD, FIRST]).values()
    assert [(row.best, row.worst, row.place, row.result.learner) for row in rows] == [
        (1, 2, "1-2", "protonet"),  # better than the second and the fourth
        (2, 3, "2-3", "matching"),  # better than the fourth
        (1, 3, "1-3", "maml"),  # better than the fourth, not told apart from the others
        (4, 4, "4", "anil"),
    ]
    assert [(row.rank, row.tied) for row in rows] == [(1, True), (2, True), (1, True), (4, False)]
    assert rows[0].behind is None
    assert [row.behind for row in rows[1:]] == [
        intervals.paired(FIRST, other) for other in (SECOND, THIRD, FOURTH)
    ]
    assert [row.accuracy for row in rows] == [intervals.overall(row.result) for row in rows]


def test_seeds_decide_whether_entries_are_told_apart():
    """Over the episodes alone the first is far ahead; its seeds differ by as much."""
    better = made_up("maml", (9, 9, 8, 8), (7, 7, 6, 6))
    worse = made_up("anil", (6, 6, 6, 6), (8, 8, 6, 6))
    (rows,) = ranking.rank([worse, better]).values()
    assert [(row.rank, row.tied) for row in rows] == [(1, True), (1, True)]
    one, another = (replace(result, runs=result.runs[:1]) for result in (better, worse))
    (rows,) = ranking.rank([one, another]).values()
    assert [(row.rank, row.tied) for row in rows] == [(1, False), (2, False)]
    assert rows[1].behind.one_seed


def test_equals_stand_by_name():
    (rows,) = ranking.rank([replace(FIRST, learner="b"), replace(FIRST, learner="a")]).values()
    assert [(row.rank, row.tied, row.result.learner) for row in rows] == [
        (1, True, "a"),
        (1, True, "b"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"dataset_digest": "f" * 64},
        {"episode_digest": "f" * 64},
        {"split_digest": "f" * 64},
        {"training_digest": "f" * 64},
        {"protocol": replace(SECOND.protocol, shot=5)},
        {"protocol": replace(SECOND.protocol, version=3)},
    ],
)
def test_other_data_episodes_or_protocols_are_another_board(change):
    other = replace(SECOND, **change)
    boards = ranking.rank([FIRST, other])
    assert shown(boards) == [["matching"], ["protonet"]]
    assert all(row.rank == 1 and row.behind is None for (row,) in boards.values())
    for board, (row,) in boards.items():
        assert board == ranking.comparable(row.result)
    assert len(set(ranking.titles(boards).values())) == 2


def test_another_split_of_meta_training_is_another_board():
    one = transferred("protonet", training_split_digest="1" * 64)
    other = transferred("matching", training_split_digest="2" * 64)
    boards = ranking.rank([one, other])
    assert shown(boards) == [["matching"], ["protonet"]]
    assert len(set(ranking.titles(boards).values())) == 2


def test_an_older_file_stands_with_those_that_agree_in_what_it_records():
    old, older = transferred("maml"), transferred("anil")
    assert shown(ranking.rank([old, older])) == [["anil", "maml"]]
    new = transferred("protonet", training_split_digest="1" * 64)
    assert shown(ranking.rank([old, older, new])) == [["anil", "maml", "protonet"]]
    elsewhere = replace(old, training_digest="b" * 64)
    assert shown(ranking.rank([elsewhere, new])) == [["maml"], ["protonet"]]
    third = transferred("matching", training_split_digest="2" * 64)  # it could go with either
    assert shown(ranking.rank([old, new, third])) == [["maml"], ["matching"], ["protonet"]]


def test_an_entry_without_training_stands_on_every_board_of_its_test():
    pixels = untrained(transferred("pixel_nn"))
    one = transferred("protonet", training_split_digest="1" * 64)
    other = transferred("matching", training_split_digest="2" * 64)
    found = shown(ranking.rank([pixels, one, other]))
    assert found == [["matching", "pixel_nn"], ["pixel_nn", "protonet"]]
    assert shown(ranking.rank([pixels])) == [["pixel_nn"]]
    tested = replace(pixels, episode_digest="f" * 64)
    assert shown(ranking.rank([tested, one])) == [["pixel_nn"], ["protonet"]]


def test_what_builds_on_a_trained_learner_counts_as_trained():
    assert not untrained(FIRST).trained
    assert replace(untrained(FIRST), recipe={"name": "mine", "source": {}}).trained


def test_a_title_is_the_id_where_that_suffices():
    (title,) = ranking.titles(ranking.rank([FIRST, SECOND])).values()
    assert title == FIRST.protocol.id
    boards = ranking.rank([FIRST, replace(SECOND, split_digest="f" * 64)])
    assert {title.partition(" (")[2] for title in ranking.titles(boards).values()} == {
        f"episodes eeeeeeeeeeee, split {digit * 12}, training dddddddddddd, "
        f"training split {digit * 12})"
        for digit in "5f"
    }
