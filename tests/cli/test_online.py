"""`metabench run --protocol online`: words that mean nothing, and a run from end to end."""

import pytest

from metabench.errors import UserError
from metabench.results import document as results
from metabench.results import intervals


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--learner", "pixel_nn", "--protocol", "offline"], "`protocol` is 'offline'"),
        (["--learner", "pixel_nn", "--labels", "words"], "`labels` is 'words'"),
        (["--learner", "protonet", "--protocol", "online"], "has no part in the online protocol"),
        (
            ["--learner", "pixel_nn", "--protocol", "online", "--presentations", "99"],
            "`presentations` is 99",
        ),
    ],
)
def test_mistakes_are_one_sentence(metabench, options, said):
    outcome = metabench("run", "--dataset", "strokes", *options)
    assert outcome.code == 2
    assert said in outcome.err


def test_inner_steps_are_drawn_on_episodes_only(metabench, monkeypatch):
    monkeypatch.setattr("metabench.scoring.traces.check_traceable", lambda *learner: None)
    usual = ("run", "--learner", "pixel_nn", "--dataset", "strokes", "--protocol", "online")
    outcome = metabench(*usual, "--plots")
    assert outcome.code == 2
    assert outcome.err.startswith("error: `plots` draws inner steps on k-shot episodes")


@pytest.mark.parametrize("labels", ["onehot", "letters"])
def test_a_run_writes_accuracies_by_presentation(metabench, tmp_path, labels):
    path = tmp_path / "result.json"
    outcome = metabench(
        "run", "--learner", "pixel_nn", "--set", "ink=bright", "--protocol", "online",
        "--labels", labels, "--presentations", "4", "--dataset", "strokes",
        "--episodes", "32", "--out", str(path), "--run-dir", str(tmp_path),
    )  # fmt: skip
    assert outcome.code == 0, outcome
    found = results.read(path)
    assert found.protocol.id.startswith("strokes-alphabets-5way-online4")
    assert found.protocol.image_size == 20
    (run,) = found.runs
    assert [sum(row) for row in run.by_presentation] == list(run.correct)
    means = [one.mean for one in intervals.by_presentation(found)]
    assert len(means) == 4
    assert means[3] > means[1] > 0.4 > means[0]
    assert results.to_json(found) == path.read_text("utf-8")
    assert f"{100 * means[1]:.2f}" in outcome.out


def test_independent_classes_are_a_protocol_of_their_own(metabench, tmp_path):
    path = tmp_path / "result.json"
    outcome = metabench(
        "run", "--learner", "counting", "--protocol", "online", "--independent",
        "--presentations", "4", "--dataset", "strokes", "--episodes", "64", "--out", str(path),
        "--run-dir", str(tmp_path),
    )  # fmt: skip
    assert outcome.code == 0, outcome
    found = results.read(path)
    assert found.protocol.id == "strokes-alphabets-5way-online4-independent-64episodes-20px-v2"
    assert {len(row) for row in found.presented} == {5}
    assert {sum(row) for row in found.presented} == {20}
    assert len(intervals.by_presentation(found)) == 4
    assert results.to_json(found) == path.read_text("utf-8")
    assert "--independent" in found.command
    wrong = metabench("run", "--learner", "counting", "--independent", "--dataset", "strokes")
    assert "`independent` belongs to `--protocol online`" in wrong.err
    damaged = path.read_text("utf-8").replace('"presented"', '"presentd"')
    path.write_text(damaged, "utf-8")
    with pytest.raises(UserError, match="presentd"):
        results.read(path)
