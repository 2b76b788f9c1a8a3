"""`metabench regress`: a baseline of quick learners made again, and faults that are planted."""

import json
from pathlib import Path

import pytest

from benchmarks.gate.faults import FAULTS
from metabench.results.document import from_json

CASES = [
    (["--margin", "1.5"], "`margin` is 1.5"),
    (["--alpha", "-1"], "`alpha` is -1"),
    (["--jobs", "0"], "`jobs` is 0"),
    (["--seeds", "0"], "`seeds` is 0"),
    (["--learner", "maml"], "`learner` maml has no result in base/fast; there are: pixel_nn"),
    (["--learner", "mml"], "did you mean `maml`?"),
    (["--tier", "nightly"], "no tier 'nightly'"),
    (["--baseline", "nowhere"], "there is no folder nowhere/fast"),
    (["--out", "base"], "`out` is base; its name must end in .json"),
]
RUN = "run --learner pixel_nn --dataset strokes --episodes 12 --query 3 --image-size 16 --quiet"


@pytest.fixture(scope="module")
def document(metabench_in, tmp_path_factory, strokes):
    """The text of a baseline's document."""
    folder = tmp_path_factory.mktemp("made")
    outcome = metabench_in(folder, *RUN.split(), "--out", "one.json")
    assert outcome.code == 0, outcome.err
    return (folder / "one.json").read_text("utf-8")


@pytest.fixture
def baseline(document, metabench):
    """A baseline of one document below the working folder."""
    Path("base/fast").mkdir(parents=True)
    Path("base/fast/pixel_nn.json").write_text(document, "utf-8")
    return metabench


@pytest.mark.parametrize(("arguments", "said"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_mistakes_are_one_sentence(baseline, arguments, said):
    outcome = baseline("regress", "--baseline=base", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err


def test_what_is_unchanged_passes_and_is_written(baseline, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "steps.md")
    Path("steps.md").write_text("earlier\n", "utf-8")
    outcome = baseline("regress", "--baseline=base", "--out=new/found.json")
    assert outcome.code == 0, outcome
    assert "1 results made again, 0 failed" in " ".join(outcome.out.split())
    found = json.loads(Path("new/found.json").read_text("utf-8"))
    assert found["failed"] == []
    (row,) = found["comparisons"]
    assert (row["name"], row["status"], row["difference"]) == ("pixel_nn", "passed", 0)
    page = Path("steps.md").read_text("utf-8")
    assert page.startswith("earlier\n## metabench regress, tier fast")


def test_shifted_labels_fail(baseline):
    with FAULTS["labels"].planted():
        outcome = baseline("regress", "--baseline=base/fast", "--summary=page.md")
    assert outcome.code == 1, outcome
    assert "pixel_nn dropped by" in " ".join(outcome.out.split())
    assert "DROPPED" in Path("page.md").read_text("utf-8")


def test_other_episodes_and_settings_that_are_gone_fail_by_name(baseline):
    place = Path("base/fast/pixel_nn.json")
    document = json.loads(place.read_text("utf-8"))
    digest = "0" * 64
    document["episode_digest"] = document["protocol"]["episode_digest"] = digest
    Path("base/fast/other.json").write_text(json.dumps(document), "utf-8")
    gone = json.loads(place.read_text("utf-8"))
    gone["hyperparameters"]["widht"] = 3
    place.write_text(json.dumps(gone), "utf-8")
    outcome = baseline("regress", "--baseline=base", "--out=found.json")
    assert outcome.code == 1, outcome
    rows = json.loads(Path("found.json").read_text("utf-8"))["comparisons"]
    said = {row["name"]: row["broken"] for row in rows}
    assert "the digest of its episodes is 00000" in said["other"]
    assert "widht" in said["pixel_nn"]


def test_renewing_writes_the_documents_again(baseline):
    place = Path("base/fast/pixel_nn.json")
    before = from_json(place.read_text("utf-8"))
    with FAULTS["labels"].planted():
        outcome = baseline("regress", "--baseline=base", "--renew")
    assert outcome.code == 0, outcome
    after = from_json(place.read_text("utf-8"))
    assert after.accuracy < before.accuracy
    assert after.hyperparameters == before.hyperparameters
    assert "% before" in outcome.out
