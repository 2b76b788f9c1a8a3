"""Ranking and paired comparison, worked by hand; results that do not compare never meet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metabench import registry
from metabench.errors import UserError
from metabench.results import document as results
from metabench.results import ranking
from metabench.types import Protocol
from tests.made_up_result import made_up, made_up_online

# 10 queries in each of 4 episodes.
FIRST = made_up("protonet", (10, 8, 10, 8))  # 0.9
SECOND = made_up("matching", (9, 8, 8, 7))  # 0.8
TWO_SEEDS = made_up("maml", (10, 10, 8, 8), (8, 8, 6, 6))  # 0.9 and 0.7, together 0.8
OMNIGLOT = {"dataset": "omniglot", "split": "vinyals", "way": 5}


def test_overall_is_the_mean_over_episodes_with_its_interval():
    summary = ranking.overall(FIRST)
    # Deviations of 0.1 from 0.9: variance 4 · 0.01 / 3, interval 1.96 · sqrt(0.013333 / 4).
    assert summary == pytest.approx((0.9, 0.113161), abs=1e-6)


def test_seeds_are_averaged_within_each_episode():
    # Episodes at 0.9, 0.9, 0.7, 0.7: the same deviations around 0.8.
    assert ranking.overall(TWO_SEEDS) == pytest.approx((0.8, 0.113161), abs=1e-6)


def test_seed_spread_is_the_deviation_of_the_seeds():
    assert ranking.seed_spread(FIRST) is None
    assert ranking.seed_spread(TWO_SEEDS) == pytest.approx(0.2 / 2**0.5)


def test_the_paired_difference_is_taken_episode_by_episode():
    # Differences 0.1, 0, 0.2, 0.1: mean 0.1, variance 0.02 / 3, interval 1.96 · sqrt(0.00667 / 4).
    assert ranking.paired(FIRST, SECOND) == pytest.approx((0.1, 0.080017), abs=1e-6)
    assert ranking.paired(SECOND, FIRST).mean == pytest.approx(-0.1)
    assert ranking.paired(FIRST, FIRST) == (0, 0)


def test_the_best_stands_first_and_equals_stand_by_name():
    (rows,) = ranking.rank([SECOND, TWO_SEEDS, FIRST]).values()
    assert [(row.rank, row.result.learner) for row in rows] == [
        (1, "protonet"),
        (2, "maml"),
        (3, "matching"),
    ]
    assert [row.mean for row in rows] == pytest.approx([0.9, 0.8, 0.8])
    assert [row.seed_spread for row in rows] == [None, pytest.approx(0.141421, abs=1e-6), None]
    assert rows[0].behind is None
    assert rows[1].behind == ranking.paired(FIRST, TWO_SEEDS)
    assert rows[2].behind == ranking.paired(FIRST, SECOND)


@pytest.mark.parametrize(
    "change",
    [
        {"dataset_digest": "f" * 64},
        {"episode_digest": "f" * 64},
        {"protocol": replace(SECOND.protocol, shot=5)},
        {"protocol": replace(SECOND.protocol, version=3)},
    ],
)
def test_other_pixels_episodes_or_protocols_are_another_table(change):
    other = replace(SECOND, **change)
    boards = ranking.rank([FIRST, other])
    assert sorted(len(rows) for rows in boards.values()) == [1, 1]
    assert all(row.rank == 1 and row.behind is None for (row,) in boards.values())
    for group, (row,) in boards.items():
        assert group == ranking.comparable(row.result)


def test_collect_reads_every_result_and_names_a_bad_one(tmp_path):
    for result in (FIRST, SECOND):
        results.write(result, results.default_path(result, tmp_path))
    (tmp_path / "README.md").write_text("generated")
    found = ranking.collect(tmp_path)
    assert sorted(result.learner for result in found) == ["matching", "protonet"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "broken.json").write_text("{")
    with pytest.raises(UserError, match=r"other/broken\.json is not JSON"):
        ranking.collect(tmp_path)
    assert ranking.collect(tmp_path / "absent") == []


@pytest.mark.parametrize(
    ("learner", "protocol", "accuracy"),
    [
        ("matching", OMNIGLOT, 98.1),
        ("protonet", OMNIGLOT | {"way": 20, "shot": 5}, 98.9),
        ("matching", OMNIGLOT | {"split": "lake"}, None),  # no paper's split
        ("matching", OMNIGLOT | {"shot": 3}, None),
        ("matching", {"way": 5}, None),  # no paper has strokes
        ("somebody_elses", OMNIGLOT, None),
    ],
)
def test_published_figures_are_found_by_learner_and_protocol(learner, protocol, accuracy):
    found = ranking.published_for(made_up(learner, protocol=protocol))
    assert (found.accuracy if found else None) == accuracy


@pytest.mark.parametrize(("base", "accuracy"), [("maml", 68.84), ("protonet", 68.12), ("x", None)])
def test_a_figure_of_certain_settings_is_shown_beside_these_alone(base, accuracy):
    result = replace(made_up("cactus", protocol=OMNIGLOT), hyperparameters={"base": base})
    found = ranking.published_for(result)
    assert (found.accuracy if found else None) == accuracy


def test_published_lists_what_papers_report():
    protocol = Protocol("omniglot", "vinyals", 5, 1, query=15, episodes=1000, image_size=28)
    found = ranking.published(protocol)
    assert {"matching": 98.1, "protonet": 98.8, "pixel_nn": 41.7}.items() <= {
        row.learner: row.accuracy for row in found
    }.items()
    assert {row.paper for row in found} >= {"Vinyals et al.", "Snell et al."}


def test_the_table_of_published_figures_is_sound():
    rows = ranking._table()
    shapes = {(p.dataset, p.split, p.way, p.shot) for p in registry.protocols()}
    for row in rows:
        assert 0 < row.accuracy < 100, row
        assert row.ci95 is None or 0 < row.ci95 < 5, row
        assert 2000 < row.year < 2100, row
        assert row.splits, row
        for split in row.splits:  # else it could never be shown
            assert (row.dataset, split, row.way, row.shot) in shapes, row
    keys = [
        (row.learner, row.paper, row.dataset, row.way, row.shot, str(row.settings)) for row in rows
    ]
    assert len(set(keys)) == len(keys)


def test_online_pairs_are_those_of_one_presentation():
    better = made_up_online("mann", (1, 4, 5), (1, 5, 5))
    other = made_up_online("lstm", (2, 2, 2), (1, 3, 4))
    first, second = (ranking.paired_at(better, other, number) for number in (1, 2))
    assert first.mean == pytest.approx(-0.1)
    assert second.mean == pytest.approx(0.4)  # 2 of 5 in each stream
    assert second.ci95 == pytest.approx(0.0, abs=1e-12)


def test_published_online_rows_are_those_of_way_and_labels():
    found = ranking.published_online(made_up_online("mann", (1, 4), (1, 5)).protocol)
    assert {row.learner: row.accuracy["2"] for row in found}["mann"] == 82.8
    assert ranking.published_online(made_up_online("mann", (1, 4), (1, 5), way=4).protocol) == []
