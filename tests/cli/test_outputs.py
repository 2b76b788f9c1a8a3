"""Where files go: another run's result and foreign files stay; pipes and standard output."""

import json
import os
import threading
from pathlib import Path

import pytest

from metabench.cli import outputs
from metabench.cli.outputs import beside, check_out, check_page, check_picture, check_replaceable
from metabench.errors import UserError
from metabench.tracks.fewshot import run as run_module

SHORT = ("run", "--learner", "pixel_nn", "--dataset", "strokes", "--query", "2", "--quiet")
FOUR = (*SHORT, "--episodes", "4")


def never(*arguments, **options):
    raise AssertionError("the run began")


def test_the_same_run_is_written_over_and_no_other(metabench, strokes, monkeypatch):
    assert metabench(*FOUR, "--out", "r.json").code == 0
    first = Path("r.json").read_bytes()
    again = metabench(*FOUR, "--out", "r.json")
    other_words = metabench(*FOUR, "--out", "r.json", "--shot", "1")
    assert (again.code, other_words.code) == (0, 0)
    forced = metabench(*FOUR, "--out", "r.json", "--shot", "2", "--force")
    assert forced.code == 0
    document = json.loads(Path("r.json").read_bytes())
    assert document["protocol"]["shot"] == 2
    assert "--force" not in document["command"]
    Path("r.json").write_bytes(first)
    monkeypatch.setattr(run_module, "execute", never)
    for other in (("--shot", "2"), ("--way", "4"), ("--seed", "1"), ("--set", "ink=bright")):
        outcome = metabench(*FOUR, *other, "--out", "r.json")
        assert outcome.code == 2
        for part in ("`out` r.json was made by another run", "metabench run", "`--force`"):
            assert part in outcome.err
        assert Path("r.json").read_bytes() == first


def test_what_is_no_result_stays(metabench, strokes, monkeypatch):
    monkeypatch.setattr(run_module, "execute", never)
    for content in (b"mine", b"[1]", b"\xff\xfe"):
        Path("notes.txt").write_bytes(content)
        outcome = metabench(*FOUR, "--out", "notes.txt")
        assert outcome.code == 2
        assert "`out` notes.txt is there, and is no result file" in outcome.err
        assert Path("notes.txt").read_bytes() == content


def test_standard_output_is_the_result_alone(metabench, strokes):
    outcome = metabench(*FOUR, "--out", "-")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["learner"] == "pixel_nn"
    assert "pixel_nn" in outcome.err  # the table
    assert not list(Path().iterdir())


def test_a_pipe_gets_the_result(metabench, strokes):
    os.mkfifo("pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_bytes()))
    reader.start()
    outcome = metabench(*FOUR, "--out", "pipe")
    reader.join(10)
    assert json.loads(read[0])["learner"] == "pixel_nn"
    assert "result: pipe" in outcome.out
    assert Path("pipe").is_fifo()


def test_the_page_of_leaderboards(metabench, strokes):
    metabench(*FOUR)
    assert metabench("leaderboard", "--markdown", "-").out.startswith("# Leaderboards\n")
    Path("README.md").write_text("# My own")
    refused = metabench("leaderboard", "--markdown", "README.md")
    assert (refused.code, Path("README.md").read_text()) == (2, "# My own")
    assert "no page of leaderboards" in refused.err
    for more in (["--force"], []):
        assert metabench("leaderboard", "--markdown", "README.md", *more).code == 0
    assert Path("README.md").read_text().startswith("# Leaderboards\n")


def test_a_contact_sheet_replaces_pictures_only(metabench, strokes):
    sheet = ("data", "show", "strokes", "--way", "2", "--query", "1", "--out")
    Path("mine.png").write_text("mine")
    for name, said in (("mine.png", "is no PNG file"), ("a.jpg", "must end in .png")):
        outcome = metabench(*sheet, name)
        assert outcome.code == 2
        assert said in outcome.err
    assert [path.name for path in Path().iterdir()] == ["mine.png"]
    assert metabench(*sheet, "mine.png", "--force").code == 0
    assert metabench(*sheet, "mine.png").code == 0


def test_checks_of_the_other_commands(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "command_line", lambda: "metabench forecast")
    path = tmp_path / "a.json"
    for content, allowed in (
        (b"", True),
        (b'{"command": "metabench forecast"}', True),
        (b'{"command": "metabench forecast --seed 1"}', False),
        (b"{}", False),
    ):
        path.write_bytes(content)
        check_replaceable(path, force=True)
        if allowed:
            check_replaceable(path, force=False)
            continue
        with pytest.raises(UserError, match="`--force`"):
            check_replaceable(path, force=False)
    check_replaceable(tmp_path / "absent.json", force=False)
    check_picture(None, force=False)
    check_page(tmp_path / "absent.md", force=False)


def test_beside_a_stream_lies_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    check_out(tmp_path / "pipe", ".json")
    check_out(Path("-"), ".json")
    assert beside(tmp_path / "pipe", ".png") is None
    assert beside(Path("-"), ".png") is None
    assert beside(tmp_path / "a.json", ".png") == tmp_path / "a.png"
