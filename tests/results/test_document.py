"""Result files: the same bytes, whole or not at all, and refused by file and field."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabench.errors import UserError
from metabench.files import canonical, publish
from metabench.results import document as results
from metabench.results.result import Curve
from metabench.tasks.protocols import frozen
from tests.golden.make_result import RESULT as GOLDEN
from tests.made_up_result import made_up
from tests.places import GOLDEN as GOLDEN_FOLDER
from tests.places import ROOT

GOLDEN_FILE = GOLDEN_FOLDER / "result-v3.json"
COMMITTED = sorted((ROOT / "leaderboards").glob("*/*.json"))

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
values = scalars | st.text() | st.lists(st.integers() | st.floats(-1e9, 1e9))


def with_run(result, **changes):
    """`result` with its only run changed."""
    (run,) = result.runs
    return dataclasses.replace(result, runs=(dataclasses.replace(run, **changes),))


def edited(**changes):
    """The text of a result file whose fields `changes` names by path, `runs__0__seed=...`."""
    document = json.loads(results.to_json(made_up()))
    for path, value in changes.items():
        *way, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        place = document
        for step in way:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return json.dumps(document)


@given(command=st.text(), hyperparameters=st.dictionaries(st.text(), values))
def test_what_is_written_is_what_is_read(command, hyperparameters):
    result = made_up("matching", (1, 2, 3), (3, 2, 1), command=command)
    result = dataclasses.replace(result, hyperparameters=hyperparameters)
    assert results.from_json(results.to_json(result)) == result


def test_the_same_result_is_the_same_bytes():
    one, other = (
        {"b": 1, "a": [1, -2.5e-7], "text": "[1, 2]"},
        {"text": "[1, 2]", "a": [1, -2.5e-7]},
    )
    text = results.to_json(made_up(hyperparameters=one))
    assert text == results.to_json(made_up(hyperparameters=other | {"b": 1}))
    keys = [line.strip().split('"')[1] for line in text.splitlines() if line.startswith('  "')]
    assert keys == sorted(keys)
    assert len(keys) == 19
    assert '"correct": [10,8,10,8],\n' in text
    assert '"a": [1,-2.5e-07],\n' in text
    assert '"text": "[1, 2]"\n' in text  # only arrays are squeezed, not text about them
    assert text.endswith("}\n")


def test_what_is_written_fits_the_schema():
    jsonschema.Draft202012Validator.check_schema(results.schema())
    jsonschema.validate(json.loads(results.to_json(made_up())), results.schema())
    names = {field.name for field in dataclasses.fields(GOLDEN)}
    optional = {*results.OPTIONAL}
    head = {"schema_version", "track", "seeds"}
    assert {*results.schema()["required"]} == {*head, *names} - optional
    assert {*results.schema()["properties"]} == {*head, *names}
    full = made_up(learner_digest="a" * 64, training_split_digest="b" * 64)
    jsonschema.validate(json.loads(results.to_json(full)), results.schema())
    assert results.from_json(results.to_json(full)) == full


def test_doubts_about_a_run_are_optional_fields():
    usual = made_up()
    doubts = {"nan_episodes": 3, "alike_answers": True, "high_loss": 1e9}
    assert not doubts.keys() & json.loads(results.to_json(usual))["runs"][0].keys()
    lost = with_run(usual, **doubts)
    jsonschema.validate(json.loads(results.to_json(lost)), results.schema())
    assert results.from_json(results.to_json(lost)) == lost
    with pytest.raises(UserError, match="runs/0/nan_episodes is 5, but there are 4 episodes"):
        results.from_json(results.to_json(with_run(usual, nan_episodes=5)))


def test_a_learning_curve_is_an_optional_field_of_a_run():
    assert "curve" not in json.loads(results.to_json(made_up()))["runs"][0]
    curve = Curve((50, 100), (0.5, None), (1.5, 0.75))
    curved = with_run(made_up(), curve=curve)
    text = results.to_json(curved)
    jsonschema.validate(json.loads(text), results.schema())
    assert '"step": [50,100]' in text
    assert results.from_json(text) == curved
    for wrong, said in (
        ({"step": (100, 50)}, "curve/step must rise to at most 100"),
        ({"step": (50, 101)}, "curve/step must rise to at most 100"),
        ({"loss": (1.5,)}, "curve/loss has 1 values, but there are 2 steps"),
        ({"validation": (0.5, 1.5)}, "curve/validation/1: 1.5 is greater than the maximum of 1"),
    ):
        changed = with_run(curved, curve=dataclasses.replace(curve, **wrong))
        with pytest.raises(UserError, match=f"runs/0/{said}"):
            results.from_json(results.to_json(changed))


def test_unequal_numbers_of_images_are_optional_fields():
    assert (
        not {"shot_spread", "query_spread"}
        & json.loads(results.to_json(made_up()))["protocol"].keys()
    )
    asked = {"shot": 3, "shot_spread": 2, "query": 5, "query_spread": 4}
    uneven = made_up(protocol=asked)
    text = results.to_json(uneven)
    jsonschema.validate(json.loads(text), results.schema())
    assert results.from_json(text) == uneven
    document = json.loads(text)
    document["protocol"] |= {
        "shot_spread": 3,
        "id": document["protocol"]["id"].replace("1to5", "0to6"),
    }
    with pytest.raises(UserError, match="protocol/shot_spread is 3; it must be below `shot`, 3"):
        results.from_json(json.dumps(document))


def test_the_golden_file_of_the_present_version():
    text = GOLDEN_FILE.read_text(encoding="utf-8")
    assert results.read(GOLDEN_FILE) == GOLDEN
    assert results.to_json(GOLDEN) == text
    assert json.loads(text)["schema_version"] == 3
    assert json.loads(text)["protocol"]["id"] == "omniglot-vinyals-5way-1shot-2query-4episodes-v2"


def test_the_golden_file_of_version_2_is_still_read():
    assert results.read(GOLDEN_FOLDER / "result-v2.json") == GOLDEN


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_committed_results(path):
    result, text = results.read(path), path.read_text(encoding="utf-8")
    written = results.to_json(result)
    assert results.from_json(written) == result
    if json.loads(text)["schema_version"] == json.loads(written)["schema_version"]:
        assert text == written
    assert path.parent.name == result.protocol.id
    assert path.name.startswith(result.learner)
    assert result.protocol == frozen(result.protocol)  # measured on the frozen data, if any
    assert result.dataset_digest == result.protocol.dataset_digest
    assert result.episode_digest == result.protocol.episode_digest
    queries = result.protocol.way * result.protocol.query
    for run in result.runs:
        total = queries * result.protocol.episodes
        assert run.accuracy == pytest.approx(sum(run.correct) / total, abs=1e-6)


def test_written_where_it_was_asked_for(tmp_path):
    path = tmp_path / "new" / "folders" / "result.json"
    for result in (made_up("matching"), made_up("protonet")):
        results.write(result, path)
        assert results.read(path) == result
    assert [found.name for found in path.parent.iterdir()] == ["result.json"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("call", "error", "raised"),
    [
        ("replace", OSError(errno.ENOSPC, "No space left on device"), UserError),
        ("fsync", KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path, monkeypatch, call, error, raised):
    path = tmp_path / "result.json"
    results.write(made_up("matching"), path)

    def fail(*arguments):
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(raised) as caught:
        results.write(made_up("protonet"), path)
    if raised is UserError:
        assert str(path) in str(caught.value)
        assert "No space left on device" in str(caught.value)
    assert results.read(path).learner == "matching"
    assert [found.name for found in tmp_path.iterdir()] == ["result.json"]


def test_places_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    refusals = {
        tmp_path: "it is a folder",
        tmp_path / "file" / "result.json": "Not a directory",
        tmp_path / "file" / "deeper" / "result.json": "Not a directory",
        tmp_path / ("long" * 100): "File name too long",
    }
    for path, reason in refusals.items():
        for refuse in (publish.check_writable, lambda path: results.write(made_up(), path)):
            with pytest.raises(UserError, match=f"`out` .* cannot be written .*{reason}"):
                refuse(path)
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        publish.check_writable(tmp_path / "new" / "result.json")


def test_checking_a_place_makes_nothing(tmp_path):
    publish.check_writable(tmp_path / "new" / "result.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not JSON (line 1: "),
        (edited()[:300], "is not JSON (line 1: "),
        ("[]", "the document: [] is not of type 'object'"),
        (edited(learner=...), "the document: 'learner' is a required property"),
        (edited(runs__0__correct=...), "runs/0: 'correct' is a required property"),
        (edited(protocol__way="five"), "protocol/way: 'five' is not of type 'integer'"),
        (edited(protocol__part="all"), "protocol/part: 'all' is not one of"),
        (edited(transductive=0), "transductive: 0 is not of type 'boolean'"),
        (edited(extra=1), "('extra' was unexpected)"),
        (edited(runs=[]), "runs: [] should be non-empty"),
        (edited(dataset_digest="abc"), "dataset_digest: 'abc' does not match"),
        (edited(runs__0__accuracy=float("nan")), "runs/0/accuracy: 'NaN' is not of type 'number'"),
        (edited(runs__0__ci95=float("inf")), "runs/0/ci95: 'Infinity' is not of type"),
        (edited(runs__0__accuracy=1.5), "runs/0/accuracy: 1.5 is greater than the maximum of 1"),
        (edited(runs__0__correct=[1, 2]), "runs/0/correct must hold 4 numbers of at most 10"),
        (
            edited(runs__0__correct=[11, 0, 0, 0]),
            "runs/0/correct must hold 4 numbers of at most 10",
        ),
        (edited(schema_version=1, shape=1), "has `schema_version` 1, but this metabench reads 3"),
        (edited(schema_version=...), "'schema_version' is a required property"),
    ],
)
def test_what_is_no_result_is_refused_by_file_and_field(tmp_path, text, complaint):
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        results.read(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text_or_not_there_are_refused(tmp_path):
    (tmp_path / "picture.json").write_bytes(b"\x89PNG\xff")
    for name in ("picture.json", "absent.json"):
        with pytest.raises(UserError, match=rf"{name} cannot be read \("):
            results.read(tmp_path / name)


def test_the_usual_path_tells_settings_apart():
    def path(**changes):
        return results.default_path(made_up(**changes), Path("leaderboards"))

    usual = path()
    assert usual.parent == Path("leaderboards/strokes-alphabets-2way-1shot-5query-4episodes-v2")
    assert usual.name.startswith("protonet-")
    assert path(created="later", command="another") == usual  # a rerun replaces
    again = made_up("protonet", (10, 8, 10, 8), (1, 1, 1, 1))
    others = [
        path(hyperparameters={"width": 32}),
        path(recipe={"name": "long"}),
        path(learner="matching"),
        results.default_path(again, Path("leaderboards")),  # another number of seeds
    ]
    assert len({usual, *others}) == 5


def test_a_fingerprint_is_of_the_content():
    assert canonical.fingerprint({"a": 1, "b": 2}) == canonical.fingerprint({"b": 2, "a": 1})
    assert canonical.fingerprint({"a": 1}) != canonical.fingerprint({"a": 2})
    assert canonical.fingerprint([]) == "4f53cda1"  # of `[]`: sha256, eight digits
