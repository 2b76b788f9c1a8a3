"""`metabench statistician`: mistakes that are one sentence, and where a short use writes."""

import json
from pathlib import Path

import pytest

from metabench.tracks.statistician import distributions as work
from metabench.tracks.statistician import spatial_mnist

CASES = [
    (["distributions", "--out", "x.txt"], "`out` is x.txt; its name must end in .png"),
    (["distributions", "--out", "x.json"], "`out` is x.json; its name must end in .png"),
    (["distributions", "--seed", "-1"], "`seed` is -1"),
    (["distributions", "--steps", "0"], "`steps` is 0"),
    (["distributions", "--out", "mine.png"], "`out` mine.png is there, and is no PNG file"),
    (["distributions", "--out", "noted.png"], "`out` noted.json is there, and is no result file"),
    (["distributions", "--out", "folder/x.png"], "`out` folder/x.json cannot be written"),
    (["summarize", "--out", "x.pdf"], "its name must end in .png"),
    (["summarize", "--seed", "-1"], "`seed` is -1"),
    (["summarize", "--greedy", "give"], "`greedy` is 'give'"),
    (["sample", "--result", "r.json", "--out", "x"], "its name must end in .png"),
    (["sample", "--result", "r.json", "--seed", "1073741824"], "below 2^30"),
    (["sample", "--result", "r.json"], "r.json cannot be read"),
]


def never(*arguments, **options):
    raise AssertionError("the mistake was not noticed: training would begin")


@pytest.mark.parametrize(("arguments", "said"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_mistakes_are_one_sentence_and_leave_nothing(metabench, monkeypatch, arguments, said):
    if "--steps" not in arguments:
        monkeypatch.setattr(work, "train", never)
    monkeypatch.setattr(spatial_mnist, "train", never)
    Path("mine.png").write_text("mine")
    Path("noted.json").write_text("mine")
    Path("folder/x.json").mkdir(parents=True)
    outcome = metabench("statistician", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err
    assert sorted(map(str, Path().rglob("*"))) == [
        "folder", "folder/x.json", "mine.png", "noted.json",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_picture_with_its_figures_beside_it(metabench):
    short = ("statistician", "distributions", "--steps", "1", "--out", "new/a.png")
    outcome = metabench(*short)
    assert outcome.code == 0, outcome.err
    assert Path("new/a.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads(Path("new/a.json").read_text("utf-8"))
    assert document["command"] == "metabench statistician distributions --steps 1"
    other = metabench(*short, "--seed", "1")
    assert other.code == 2
    assert "`out` new/a.json was made by another run" in other.err
