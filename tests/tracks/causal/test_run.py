"""Result documents of the track: their schema, their replay, and the figures of the docs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from metabench.entries.other_tracks import verify_document
from metabench.entries.verify import Wanted
from metabench.errors import UserError
from metabench.files.canonical import canonical
from metabench.results.head import head_of, loaded
from metabench.tracks.causal.plan import DirectionPlan, direction_plan, rotation_plan
from metabench.tracks.causal.run import execute, planned, work_of
from tests.places import ROOT
from tests.tracks.causal.test_direction import SHORT
from tests.tracks.causal.test_encoder import TINY

COMMITTED = sorted((ROOT / "leaderboards" / "causal").glob("*/*.json"))


@pytest.fixture(scope="module")
def document():
    return execute(replace(SHORT, curve_transfers=1), "metabench causal direction")


def test_a_run_ends_in_a_document(document):
    found = loaded(canonical(document))
    head = head_of(found)
    assert (head.track, head.protocol, head.seeds) == (
        "causal",
        "causal-5categories-v1",
        (0, 1, 2, 3, 4, 5),
    )
    belief = found["belief"]
    assert belief["mean"][-1] == pytest.approx(np.mean(belief["last"]), abs=1e-4)
    assert belief["episodes"][-1] == 60
    # Clopper and Pearson: the lower end of 6 of 6 is 0.025 to the power of 1/6.
    assert found["right"] == {"count": 6, "of": 6, "low": round(0.025 ** (1 / 6), 4), "high": 1.0}
    assert planned(found) == replace(SHORT, curve_transfers=1)


def test_an_encoders_document(tmp_path):
    told = []
    found = loaded(canonical(execute(TINY, "", told.append)))
    assert sum(told) == work_of(TINY) == 3
    assert found["angle"]["mean"][0] == pytest.approx(np.pi / 4, abs=0.03)
    assert len(set(found["angle"]["mean"])) == len(set(found["belief"]["mean"])) == 3
    assert planned(found) == TINY
    assert "adaptation" not in found


def test_a_document_is_replayed_and_a_change_is_found(document, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(canonical(document), "utf-8")
    found = verify_document(path, Wanted(tasks=2))
    assert (found.holds, found.tasks) == (True, 2)
    changed = json.loads(canonical(document))
    changed["belief"]["last"][0] = 0.31
    path.write_text(canonical(changed), "utf-8")
    wrong = {one.what for one in verify_document(path, Wanted()).findings if not one.holds}
    assert wrong == {"beliefs", "mean belief"}
    changed["protocol"]["version"] = 2
    with pytest.raises(UserError, match="version 2 of its protocol, and this metabench measures 1"):
        planned(changed)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (lambda: direction_plan(1, "cause", 5, 5), "`categories` is 1; it must be from 2 to 1,000"),
        (lambda: direction_plan(5, "b", 5, 5), "`change` is 'b'; it must be one of"),
        (lambda: direction_plan(5, "all", 1, 5), "`seeds` is 1; it must be at least 2"),
        (lambda: rotation_plan(4, 0), "`episodes` is 0; it must be at least 1"),
    ],
)
def test_wrong_plans(plan, said):
    with pytest.raises(UserError, match=said):
        plan()


def test_the_id_spells_out_the_control():
    assert DirectionPlan(change="all").protocol == "causal-10categories-all-v1"
