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


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_the_figures_of_the_docs_are_those_of_the_committed_results(path):
    page = (ROOT / "docs" / "causal.md").read_text("utf-8")
    found = json.loads(path.read_text("utf-8"))
    assert planned(found).protocol == found["protocol"]["id"] == path.parent.name
    belief, right = found["belief"], found["right"]
    last = f"{belief['mean'][-1]:.3f} ± {belief['ci95'][-1]:.3f}"
    share = f"{right['count']} of {right['of']} ({right['low'] * 100:.0f} to"
    if "angle" in found:
        angle = found["angle"]
        assert f"{path.relative_to(ROOT)}" in page
        assert f"{angle['mean'][-1]:.3f} ± {angle['ci95'][-1]:.3f} radians" in page
        assert f"by {min(angle['last']):.2f} to {max(angle['last']):.2f} radians" in page
        assert last in page
        return
    (row,) = [line for line in page.splitlines() if f"`{path.parent.name}`" in line]
    assert last in row
    assert share in row
    for episode in (102, 306):
        assert f"{belief['mean'][belief['episodes'].index(episode)]:.3f}" in row
    rows = found["adaptation"]
    if found["protocol"]["change"] == "cause":
        forward, backward = (rows[name]["mean"][-1] for name in ("forward", "backward"))
        assert f"{forward:.3f} against {backward:.3f}" in " ".join(page.split())
        apart = rows["backward_minus_forward"]
        assert f"{apart['mean'][-1]:.3f} ± {apart['ci95'][-1]:.3f}" in page


def test_the_direction_is_right_for_10_and_100_categories():
    for number in (10, 100):
        (path,) = (ROOT / "leaderboards" / "causal" / f"causal-{number}categories-v1").glob(
            "*.json"
        )
        found = json.loads(path.read_text("utf-8"))
        assert found["belief"]["mean"][-1] - found["belief"]["ci95"][-1] > 0.95
        assert found["right"]["low"] > 0.5
