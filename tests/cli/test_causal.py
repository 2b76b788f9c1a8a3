"""`metabench causal`: mistakes that are one sentence, and what a short run writes and prints."""

import json
from pathlib import Path

import numpy as np
import pytest

from metabench.results.head import loaded
from metabench.tracks.causal import run as work
from metabench.tracks.causal.direction import Adaptation
from metabench.tracks.causal.document import adaptation_rows, direction_document, rotation_document
from tests.tracks.causal.test_direction import SHORT
from tests.tracks.causal.test_encoder import TINY

CASES = [
    (["direction", "--categories", "1"], "`categories` is 1; it must be from 2 to 1,000"),
    (["direction", "--change", "effect"], "`change` is 'effect'; it must be one of: cause, mech"),
    (["direction", "--seeds", "1"], "`seeds` is 1; it must be at least 2"),
    (["rotation", "--episodes", "0"], "`episodes` is 0; it must be at least 1"),
    (["rotation", "--out", "x.png"], "`out` is x.png; its name must end in .json"),
    (["direction", "--out", "mine.json"], "`out` mine.json is there, and is no result file"),
]


def never(*arguments, **options):
    raise AssertionError("the mistake was not noticed: the work would begin")


@pytest.mark.parametrize(("arguments", "said"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_mistakes_are_one_sentence_and_leave_nothing(metabench, monkeypatch, arguments, said):
    monkeypatch.setattr(work, "execute", never)
    Path("mine.json").write_text("mine")
    outcome = metabench("causal", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert said in outcome.err
    assert [str(path) for path in Path().iterdir()] == ["mine.json"]


@pytest.mark.parametrize("kind", ["direction", "rotation"])
def test_a_result_and_a_picture(metabench, monkeypatch, kind):
    beliefs = np.linspace([0.5, 0.5], [0.9, 0.8], 7).T

    def made(plan, command, advance):
        if kind == "rotation":
            return rotation_document(TINY, beliefs, 0.9 - beliefs, 1.0, command)
        found = Adaptation(np.array([0, 10]), beliefs[:, :2], beliefs[:, 1:3])
        return direction_document(SHORT, beliefs, adaptation_rows(found), 1.0, command)

    monkeypatch.setattr(work, "execute", made)
    outcome = metabench("causal", kind, "--quiet", "--out", "new/a.json")
    assert (outcome.code, outcome.err) == (0, "")
    assert "0.850 ± 0.098, right in 2 of 2 seeds (16% to 100%)" in outcome.out
    assert ("radians" in outcome.out) == (kind == "rotation")
    assert Path("new/a.png").read_bytes().startswith(b"\x89PNG")
    document = loaded(Path("new/a.json").read_text("utf-8"))
    assert document["command"] == f"metabench causal {kind}"
    assert json.loads(Path("new/a.json").read_text("utf-8")) == document
