"""The Markdown page of all leaderboards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metabench.results import page, ranking, tables
from metabench.results.collected import collect
from tests.made_up_result import made_up, made_up_online
from tests.places import ROOT

LEADERBOARDS = ROOT / "leaderboards"
FIRST = made_up("protonet", (10, 8, 10, 8))
SECOND = made_up("matching", (10, 10, 8, 8), (8, 8, 6, 6), transductive=True, parameter_count=9)


def test_markdown_has_a_section_for_each_group_and_the_commands():
    other = replace(FIRST, dataset_digest="f" * 64)
    boards = ranking.rank([FIRST, SECOND, other])
    text = page.markdown(boards)
    assert text.startswith("# Leaderboards\n\n")
    assert text.endswith("`\n")
    sections = text.split("\n## ")[1:]
    assert len(sections) == 2
    digests = "Dataset digest `dddddddddddd`, episode digest `eeeeeeeeeeee`, split digest `5555"
    assert digests in sections[0]
    assert "Dataset digest `ffffffffffff`" in sections[1]
    assert tables.LEGEND in text
    rows = [line for line in sections[0].splitlines() if line.startswith("|")]
    assert len(rows) == 4  # head, rule, two learners
    assert {row.count("|") for row in rows} == {
        len(tables.BOARD_HEAD) + len(tables.DETAILS_HEAD) + 1
    }
    assert "| 1-2 | protonet | 90.00 ± 11.32 |  | one seed |" in rows[2]
    assert "1. `metabench run --learner protonet`\n2. `metabench run --learner matching`" in text
    assert text == page.markdown(ranking.rank([other, SECOND, FIRST]))  # whatever the order


def test_an_online_board_shows_presentations_beside_the_papers():
    better = made_up_online("mann", (1, 4, 5), (1, 5, 5))
    other = made_up_online("lstm", (1, 2, 2), (1, 3, 4))
    text = page.markdown(ranking.rank([better, other]))
    table = [line for line in text.splitlines() if line.startswith("|")][4:]
    assert table[0] == "| learner | 1. | 2. | 3. | behind the first, 2. | behind the first, 3. |"
    assert table[2] == "| mann | 20.00 ± 0.00 | 90.00 ± 19.60 | 100.00 ± 0.00 |  |  |"
    accuracies, gaps = (
        "20.00 ± 0.00 | 50.00 ± 19.60 | 60.00 ± 39.20",
        "40.00 ± 0.00† | 40.00 ± 39.20†",
    )
    assert table[3] == f"| lstm | {accuracies} | {gaps} |"
    assert any(
        "*mann (Santoro et al. 2016; " in line and "| 82.8 | 91.0 |" in line for line in table
    )
    assert f"]({better.protocol.id}/by-presentation.png)" in text


@pytest.mark.skipif(not list(LEADERBOARDS.glob("*/*.json")), reason="no results are committed here")
def test_the_committed_page_is_the_generated_one():
    text = page.markdown(ranking.rank(collect(LEADERBOARDS).results))
    assert (LEADERBOARDS / "README.md").read_text(encoding="utf-8") == text


def test_papers_figures_stand_below_the_table_with_their_differences():
    protocol = {"dataset": "omniglot", "split": "vinyals", "way": 5, "query": 15}
    text = page.markdown(ranking.rank([made_up("reptile", protocol=protocol)]))
    near, far = (
        text.index(f"Papers' figures{rest}:\n\n- reptile: ")
        for rest in (", and how their conditions differ", " under other conditions")
    )
    assert text.index("| 1 | reptile") < near < far < text.index("Commands, in the order")
    assert "97.68 ± 0.04 (Nichol et al. 2018): transductive, here not\n" in text[far:]


def test_an_online_board_of_other_images_lists_the_papers_apart():
    result = made_up_online("mann", (1, 4, 5), (1, 5, 5))
    large = replace(result, protocol=replace(result.protocol, image_size=28))
    text = page.markdown(ranking.rank([large]))
    assert "*mann (Santoro" not in text
    assert "under other conditions (20 × 20 pixels, here 28 × 28):\n\n- mann (Santoro" in text


def test_the_training_is_named_where_it_is_of_another_dataset():
    protocol = {"trained_on": "omniglot/vinyals"}
    digests = {"training_digest": "a" * 64, "training_split_digest": "b" * 64}
    text = page.markdown(ranking.rank([made_up("maml", protocol=protocol, **digests)]))
    assert "training digest `aaaaaaaaaaaa`, training split digest `bbbbbbbbbbbb`." in text
