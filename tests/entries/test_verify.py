"""What is wrong with an entry is found and named."""

import dataclasses
import json

import numpy as np
import pytest

from metabench.entries import folder as folders
from metabench.entries.verify import Wanted, check_entry, signed_by, verify_entry, verify_result
from metabench.errors import UserError
from metabench.files.canonical import canonical
from metabench.results import document
from metabench.results.status import status_of
from metabench.scoring.summary import summarise
from metabench.tracks.fewshot.request import Places
from metabench.training.watcher import Watcher

QUIET = Wanted(tasks=None, trust=True, places=Places(quiet=True))


def place_of(entry):
    return next(iter(entry.results))


def rewritten(entry, change, consistent=True):
    """The entry after `change` of its result's document; with digests that fit, if asked."""
    place = place_of(entry)
    path = entry.folder / place
    found = json.loads(path.read_text())
    change(found)
    path.write_text(canonical(found))
    return readdressed(entry) if consistent else entry


def readdressed(entry):
    """`entry.json` with digests of the files as they are now."""
    path = entry.folder / folders.ABOUT
    about = json.loads(path.read_text())
    for one in about["files"]:
        about["files"][one] = folders.digest_of(one, (entry.folder / one).read_bytes())
    path.write_text(canonical(about))
    return folders.read(entry.folder)


def wrong(entry):
    assert check_entry(entry, QUIET) == []
    (one,) = verify_entry(entry, QUIET)
    return {finding.what: finding.said for finding in one.findings if not finding.holds}


def test_an_untouched_entry_holds_and_can_be_signed(entry):
    assert check_entry(entry, QUIET) == []
    (one,) = verify_entry(entry, QUIET)
    assert one.holds
    assert one.tasks == 8
    place = place_of(entry)
    folders.sign(entry, place, signed_by(one, "A. Reader", retrain=False))
    again = folders.read(entry.folder)
    assert status_of(again.results[place]) == "replayed"
    assert check_entry(again, QUIET) == []  # a signature is no damage
    (signature,) = again.results[place].signatures
    assert signature["tasks"] == 8


def test_the_code_of_others_is_not_run_unasked(entry):
    (entry.folder / "source" / "mine.py").write_text("raise SystemExit('was run')")
    entry = readdressed(entry)
    with pytest.raises(UserError, match=r"\(source/mine.py:mine\), which is .* with `--trust`"):
        check_entry(entry, dataclasses.replace(QUIET, trust=False))


@pytest.mark.parametrize(
    "name",
    [
        "command", "created", "environment", "hyperparameters", "recipe", "parameter_count",
        "learner", "learner_version", "learner_digest", "transductive", "dataset_source",
        "dataset_digest", "split_digest", "episode_digest", "claims", "runs",
    ],
)  # fmt: skip
def test_any_field_that_was_changed_is_found(entry, name):
    def change(found):
        value = found[name]
        if name.endswith("digest"):
            found[name] = "0" * 64
        elif name == "runs":
            value[0]["cost"]["train_seconds"] += 1
        elif isinstance(value, str):
            found[name] = value + "!"
        elif isinstance(value, bool):
            found[name] = not value
        elif isinstance(value, int):
            found[name] = value + 1
        else:
            value["name" if name == "recipe" else "notes"] = "other"

    rewritten(entry, change, consistent=False)
    said = check_entry(folders.read(entry.folder), QUIET)
    assert any(one.startswith(place_of(entry)) and "was changed" in one for one in said)


@pytest.mark.parametrize("name", ["schema_version", "version", "id", "accuracy", "episodes"])
def test_fields_that_do_not_fit_one_another_are_refused_by_name(entry, name):
    def change(found):
        at = found if name in found else found["protocol"]
        at = found["runs"][0] if name == "accuracy" else at
        at[name] = at[name] + "x" if name == "id" else at[name] + 1 if name != "accuracy" else 0.9

    with pytest.raises(UserError, match=place_of(entry)):
        rewritten(entry, change)


def test_counts_that_were_made_better_are_found_by_replay(entry):
    def change(found):
        run, queries = found["runs"][0], 6
        run["correct"][2] = (run["correct"][2] + 1) % (queries + 1)
        summary = summarise(np.array(run["correct"]), queries)
        run |= {"accuracy": round(summary.mean, 6), "ci95": round(summary.ci95, 6)}

    said = wrong(rewritten(entry, change))
    assert "other counts in 1 of 8 tasks, most in task 2" in said["answers of seed 0"]


@pytest.mark.parametrize("name", ["dataset_digest", "split_digest", "episode_digest"])
def test_digests_are_measured_again(entry, name):
    def change(found):
        found[name] = "1" * 64
        if name in found["protocol"]:
            found["protocol"][name] = "1" * 64

    changed = rewritten(entry, change)
    if name == "dataset_digest":  # the file's name follows from it
        assert "is not where a result of these settings lies" in check_entry(changed, QUIET)[0]
    else:
        assert "is 111111111111, but" in wrong(changed)[name]


@pytest.mark.parametrize(("name", "value"), [("parameter_count", 7), ("transductive", True)])
def test_what_is_declared_is_compared_with_the_learner(entry, name, value):
    assert name in wrong(rewritten(entry, lambda found: found.update({name: value})))


def test_another_hyperparameter_gives_other_answers(entry):
    def change(found):
        found["hyperparameters"]["power"] = -2.0

    place = place_of(entry)
    with pytest.raises(StopIteration):  # its place follows from its settings
        next(one for one in check_entry(rewritten(entry, change), QUIET) if place not in one)


def test_another_state_gives_other_answers(entry):
    (path,) = entry.folder.glob("states/*/seed0.npz")
    with np.load(path) as file:
        arrays = {name: file[name][::-1] ** 9 for name in file.files}
    np.savez(path, **arrays)
    assert "states/" in "; ".join(check_entry(entry, QUIET))  # its digest
    assert "answers of seed 0" in wrong(readdressed(entry))  # and its answers


def test_a_state_of_another_form_is_one_sentence(entry):
    (path,) = entry.folder.glob("states/*/seed0.npz")
    for content, said in (
        ({"params": np.zeros(3, np.float32)}, r"holds `params` as float32 \[3\]"),
        ({"other": np.zeros(784, np.float32)}, "array `(other|params)`"),
        ({"params": np.array([{}], object)}, "cannot be read as arrays"),
    ):
        np.savez(path, **content)
        with pytest.raises(UserError, match=said):
            wrong(readdressed(entry))
    path.write_bytes(b"no archive")
    with pytest.raises(UserError, match="cannot be read as arrays"):
        wrong(readdressed(entry))


def test_another_text_of_the_learner_is_found(entry):
    path = entry.folder / "source" / "mine.py"
    path.write_text(path.read_text() + "\n# changed\n")
    assert "source/mine.py was changed" in "; ".join(check_entry(entry, QUIET))
    assert "learner_digest" in wrong(readdressed(entry))


def test_files_that_are_missing_or_too_many_are_named(entry):
    (entry.folder / "extra.txt").write_text("?")
    (entry.folder / "checks.json").unlink()
    said = check_entry(entry, QUIET)
    assert said == ["checks.json is missing", "extra.txt is not named in entry.json"]


def test_no_file_outside_of_the_folder_is_read(entry):
    path = entry.folder / folders.ABOUT
    about = json.loads(path.read_text())
    about["files"]["../../secret"] = "0" * 64
    path.write_text(canonical(about))
    with pytest.raises(UserError, match="names a file outside of its folder"):
        folders.read(entry.folder)


def test_canaries_are_compared_or_added(entry, original):
    wanted = dataclasses.replace(QUIET, canaries=True)
    assert check_entry(entry, wanted) == []
    (one,) = verify_entry(entry, wanted)
    assert one.findings[-1] == (
        "canaries",
        True,
        f"the same outcome in all {len(one.result.canaries)}",
    )

    def change(found):
        found["canaries"][0]["holds"] = not found["canaries"][0]["holds"]

    (one,) = verify_entry(rewritten(entry, change), wanted)
    assert not one.findings[-1].holds
    assert one.result.canaries[0]["name"] in one.findings[-1].said

    path = entry.folder / place_of(entry)
    document.write(dataclasses.replace(document.read(path), canaries=None), path)
    places = Places(original.parent / "runs", quiet=True)
    wanted = dataclasses.replace(wanted, places=places, looks=True)
    one = verify_result(path, wanted, f"{original.parent}/mine.py:mine")
    assert one.holds
    assert one.result.canaries
    assert signed_by(one, None, retrain=False) == one.result
    right = [sum(row[n] for n, row in enumerate(look.confusion)) for look in one.looks]
    assert right == list(one.result.runs[0].correct[:2])  # the answers are those of the test


@pytest.mark.parametrize("name", ["mean", "holds", "name"])
def test_a_canary_that_was_changed_is_found(entry, name):
    def change(found):
        one = found["canaries"][0]
        one[name] = {"mean": 0.123, "holds": not one["holds"], "name": "other"}[name]

    wanted = dataclasses.replace(QUIET, canaries=True)
    (one,) = verify_entry(rewritten(entry, change), wanted)
    assert "shuffled labels" in one.findings[-1].said
    assert not one.findings[-1].holds


def test_training_again_takes_no_finished_training_for_its_own(entry, original):
    """Where the submitter's checkpoints are at hand, the steps are done all the same."""
    steps, places = [], Places(original.parent / "runs", quiet=True)
    watcher = Watcher(training=lambda seed, report: steps.append(report.step))
    wanted = dataclasses.replace(QUIET, retrain=True, places=places, watcher=watcher)
    (one,) = verify_entry(entry, wanted)
    assert one.findings[-1].what == "training again"
    assert steps[-1] == one.result.runs[0].train_steps


@pytest.mark.slow
def test_training_again_ends_in_the_same_figures(entry, tmp_path):
    places = Places(tmp_path / "again", quiet=True)
    (one,) = verify_entry(entry, dataclasses.replace(QUIET, retrain=True, places=places))
    (last,) = [finding for finding in one.findings if finding.what == "training again"]
    assert last.holds
    assert "a difference of 0.00" in last.said
    assert status_of(signed_by(one, "A. Reader", retrain=True)) == "retrained"


def test_a_result_file_is_replayed_from_the_checkpoints_of_its_run(entry, original):
    path = entry.folder / place_of(entry)
    learner = f"{original.parent}/mine.py:mine"
    wanted = dataclasses.replace(QUIET, places=Places(original.parent / "runs", quiet=True))
    assert verify_result(path, wanted, learner).holds
    nowhere = dataclasses.replace(QUIET, places=Places(entry.folder / "none", quiet=True))
    with pytest.raises(UserError, match="there is no"):
        verify_result(path, nowhere, learner)
    changed = dataclasses.replace(document.read(path), split_digest="2" * 64)
    document.write(changed, path)
    found = verify_result(path, wanted, learner)
    assert [one.what for one in found.findings if not one.holds] == ["split_digest"]


def test_an_entry_without_canaries_is_not_changed_by_them(entry):
    entry = rewritten(entry, lambda found: found.pop("canaries"))
    wanted = dataclasses.replace(QUIET, tasks=1, canaries=True)
    (one,) = verify_entry(entry, wanted)
    assert one.result.canaries is None
    assert one.findings[-1].said.startswith("the entry has none; here fail: ")
    folders.sign(entry, place_of(entry), signed_by(one, "A. Reader", retrain=False))
