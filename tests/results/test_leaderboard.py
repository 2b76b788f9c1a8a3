"""A folder of results as rankings in Python."""

from dataclasses import replace

import pytest

from metabench.errors import UserError
from metabench.results.document import default_path, write
from metabench.results.leaderboard import leaderboard
from metabench.results.tables import LEGEND
from tests.made_up_result import made_up

FIRST = made_up("protonet", (10, 8, 10, 8))
SECOND = made_up("matching", (9, 8, 8, 7))


@pytest.fixture
def folder(tmp_path):
    protocol = replace(FIRST.protocol, dataset_digest="c" * 64)
    other = replace(FIRST, learner="maml", dataset_digest="c" * 64, protocol=protocol)
    wider = made_up("maml", (5, 5, 5, 5), protocol={"query": 3})
    for result in (FIRST, SECOND, other, wider):
        write(result, default_path(result, tmp_path))
    return tmp_path


def test_boards_are_found_by_protocol_and_data(folder):
    boards = leaderboard(folder)
    name = FIRST.protocol.id
    assert list(boards) == sorted(boards)
    assert set(boards) == {
        f"{name} on dddddddddddd",
        f"{name} on cccccccccccc",
        name.replace("5query", "3query"),
    }
    rows = boards[f"{name} on dddddddddddd"]
    assert [(row.rank, row.result.learner) for row in rows] == [(1, "protonet"), (2, "matching")]


def test_printed_it_is_a_table_for_each_board(folder):
    text = str(leaderboard(folder))
    assert text.count("behind the first") == 3
    assert text.endswith(LEGEND)
    assert "90.00 ± 11.32" in text


def test_a_frame_has_a_row_for_each_entry(folder):
    frame = leaderboard(folder).to_frame()
    assert len(frame) == 4
    second = frame[frame.learner == "matching"].iloc[0]
    assert (second["rank"], second["tied"], second["seeds"]) == (2, False, 1)
    assert second.behind == pytest.approx(0.1)
    assert (second.worst_rank, second.status) == (2, "claimed")


def test_only_some_results_are_ranked(folder):
    write(replace(FIRST, learner="anil", transductive=True), folder / FIRST.protocol.id / "x.json")
    name = f"{FIRST.protocol.id} on dddddddddddd"
    assert len(leaderboard(folder)[name]) == 3
    (row,) = leaderboard(folder, transductive=True)[FIRST.protocol.id]
    assert (row.rank, row.worst, row.result.learner) == (1, 1, "anil")
    with pytest.raises(UserError, match="none of the 5 results is as asked"):
        leaderboard(folder, status="replayed")


def test_a_file_that_is_no_result_is_left_out_and_named(folder):
    (folder / "odd").mkdir()
    (folder / "odd" / "file.json").write_text("{")
    boards = leaderboard(folder)
    assert len(boards) == 3
    (said,) = boards.left_out
    assert "odd/file.json is not JSON" in said
    assert str(boards).endswith(said)
    with pytest.raises(UserError, match=r"odd/file\.json is not JSON"):
        leaderboard(folder, strict=True)


def test_what_is_not_there_is_one_sentence(folder, tmp_path):
    with pytest.raises(UserError, match="no results of protocol `strokes`"):
        leaderboard(folder)["strokes"]
    with pytest.raises(UserError, match="empty is not there; name a folder of result files"):
        leaderboard(tmp_path / "empty")
