"""`metabench accept`, and what `verify` and `accept` say of an entry that is none."""

import pytest

from metabench.entries import folder as folders
from metabench.results import document
from tests.cli.conftest import call
from tests.entries.test_accept import ONE, TWO, entry_of


@pytest.fixture
def entry(tmp_path):
    return entry_of(tmp_path / "entry", ONE, TWO).folder


def test_a_claim_is_accepted_and_called_one(entry, tmp_path):
    boards = tmp_path / "boards"
    code, out, err = call("accept", entry, "--into", boards)
    assert (code, err) == (0, "")
    paths = [document.default_path(one, boards) for one in (ONE, TWO)]
    assert out.splitlines() == [
        *(f"new: {path}, claimed" for path in paths),
        f"claimed: nobody has replayed it; `metabench verify {entry} --trust --sign NAME` does, "
        "then accept it again",
        f"next: metabench leaderboard --folder {boards}",
    ]
    code, out, _ = call("leaderboard", "--folder", boards)
    assert code == 0
    assert out.count(ONE.learner) == 2
    assert "there already" in call("accept", entry, "--into", boards).out


def test_what_is_in_the_way_is_one_sentence(entry, tmp_path):
    path = document.default_path(ONE, tmp_path / "boards")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    code, out, err = call("accept", entry, "--into", tmp_path / "boards")
    assert (code, out) == (2, "")
    assert err.startswith("error: `into` ")
    assert str(path) in err
    assert err.count("\n") == 1
    assert call("accept", entry, "--into", tmp_path / "boards", "--force").code == 0


def test_a_file_in_place_of_the_boards_is_one_sentence(entry, tmp_path):
    (tmp_path / "boards").write_text("")
    code, _, err = call("accept", entry, "--into", tmp_path / "boards")
    assert code == 2
    assert "cannot be written (File exists)" in err


@pytest.mark.parametrize("command", ["accept", "verify"])
def test_an_entry_that_is_none_is_one_sentence(command, tmp_path):
    code, out, err = call(command, tmp_path / "none")
    assert (code, out) == (2, "")
    assert "but there is no" in err
    (tmp_path / "some").mkdir()
    code, _, err = call(command, tmp_path / "some")
    assert code == 2
    assert f"is no entry: it holds no {folders.ABOUT}" in err
