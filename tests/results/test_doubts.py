"""What does not fit together in a result file is said, and what fits is not doubted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metabench.results import document as results
from metabench.results.doubts import doubts
from metabench.tasks import protocols
from tests.made_up_result import made_up
from tests.places import ROOT

PLAIN = made_up()
COMMITTED = sorted((ROOT / "leaderboards").glob("*/*.json"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_committed_results_are_not_doubted(path):
    assert not [*doubts(results.read(path), path.parent.name)]


def test_any_folder_but_that_of_another_protocol_will_do():
    for folder in (None, PLAIN.protocol.id, "mine", "run-v2-of-monday"):
        assert not [*doubts(PLAIN, folder)]
    (said,) = doubts(PLAIN, "strokes-alphabets-5way-1shot-v2")
    assert said.startswith("lies in the folder of another protocol")


def edited(**changes):
    return replace(PLAIN, runs=(replace(PLAIN.runs[0], **changes),))


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        (edited(correct=(10, 10, 10, 10), accuracy=1.0), "counts give 0.000000"),
        (edited(ci95=0.001), "has runs/0/ci95 0.001, but its counts give 0.113"),
        (replace(PLAIN, runs=PLAIN.runs * 2), "has a training seed twice: 0, 0"),
        (replace(PLAIN, dataset_digest="f" * 64), "two digests of its datasets: dddddddddddd and"),
        (replace(PLAIN, episode_digest="f" * 64), "two digests of its episodes: eeeeeeeeeeee and"),
    ],
)
def test_what_does_not_fit_is_said(result, complaint):
    (said,) = doubts(result)
    assert complaint in said


def test_a_frozen_protocol_on_other_data_is_doubted(monkeypatch):
    monkeypatch.setitem(protocols.DIGESTS, PLAIN.protocol.id, ("a" * 64, "e" * 64))
    (said,) = doubts(PLAIN)
    assert said == (
        "was measured on other datasets than those of the frozen protocol: their digest is "
        "dddddddddddd, and must be aaaaaaaaaaaa"
    )
