"""The files of a folder: one that is broken stops nothing, and a copy is ranked once."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest

from metabench.results import document as results
from metabench.results.collected import collect, nothing
from tests.made_up_result import made_up

FIRST = made_up("protonet", (10, 8, 10, 8))
SECOND = made_up("matching", (9, 8, 8, 7))


@pytest.fixture
def folder(tmp_path):
    for result in (FIRST, SECOND):
        results.write(result, results.default_path(result, tmp_path))
    return tmp_path


def learners(found):
    return sorted(result.learner for result in found.results)


def test_every_result_is_read_and_nothing_else(folder):
    (folder / "README.md").write_text("generated")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "one.json").write_text("{")
    (results.default_path(FIRST, folder).parent / "._two.json").write_text("{")
    assert learners(collect(folder)) == ["matching", "protonet"]
    assert collect(folder)[1:3] == ([], [])
    assert collect(folder / "absent")[:3] == ([], [], [])


def test_files_may_lie_in_the_folder_itself(folder):
    one = results.default_path(FIRST, folder)
    assert learners(collect(one.parent)) == ["matching", "protonet"]
    one.rename(folder / "mine.json")  # as `--out mine.json` writes it
    assert learners(collect(folder)) == ["matching", "protonet"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_a_pipe_is_left_out_and_not_waited_for(folder):
    os.mkfifo(folder / "pipe.json")
    found = collect(folder)
    assert learners(found) == ["matching", "protonet"]
    assert found.left_out == [f"{folder}/pipe.json is a pipe or a device, and no file"]


def test_what_is_no_folder_is_called_so(folder):
    absent, file = folder / "absent", results.default_path(FIRST, folder)
    assert "absent is not there; name a folder" in str(nothing(absent, collect(absent)))
    assert "is not a folder; name a folder" in str(nothing(file, collect(file)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not a result file: the document"),
        (b'{"name": "package", "version": "1.0"}', "is not a result file"),
        (b"\x89PNG\xff", "cannot be read"),
        (b"[" * 100_000, "is not readable JSON (RecursionError)"),
        (b"9" * 10_000, "is not readable JSON (ValueError)"),
    ],
)
def test_a_file_that_is_no_result_is_left_out_by_name(folder, content, reason):
    (folder / "odd").mkdir()
    (folder / "odd" / "file.json").write_bytes(content)
    (folder / "odd" / "folder.json").mkdir()
    found = collect(folder)
    assert learners(found) == ["matching", "protonet"]
    said, other = found.left_out
    assert said.startswith(f"{folder}/odd/file.json {reason}")
    assert other.startswith(f"{folder}/odd/folder.json cannot be read")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"correct": [10, 10, 10, 10]}, "but its counts give 1.000000"),
        ({"correct": [10, 10, 10, 10], "accuracy": 1.0}, "has runs/0/ci95 0.11"),
        ({"correct": [11, 8, 10, 8]}, "runs/0/correct must hold 4 numbers of at most 10"),
    ],
)
def test_an_entry_whose_counts_were_edited_is_left_out(folder, changes, reason):
    path = results.default_path(FIRST, folder)
    document = json.loads(path.read_text())
    document["runs"][0].update(changes)
    path.write_text(json.dumps(document))
    found = collect(folder)
    assert learners(found) == ["matching"]
    (said,) = found.left_out
    assert said.startswith(str(path))
    assert reason in said


def test_a_protocol_that_is_not_that_of_its_id_is_left_out(folder):
    path = results.default_path(FIRST, folder)
    document = json.loads(path.read_text())
    document["protocol"]["shot"] = 5
    path.write_text(json.dumps(document))
    (said,) = collect(folder).left_out
    assert "protocol/id is strokes-alphabets-2way-1shot-" in said
    assert "but its fields are those of strokes-alphabets-2way-5shot-" in said


def test_a_copy_is_ranked_once(folder):
    path = results.default_path(FIRST, folder)
    copy = path.with_name("z.json")
    shutil.copy(path, copy)
    later = replace(FIRST, created="2027-01-02T03:04:05+00:00", command="again")
    results.write(later, path.with_name("zz.json"))
    found = collect(folder)
    assert learners(found) == ["matching", "protonet"]
    assert found.copies == [
        f"{other} is the same result as {path}, and is ranked once"
        for other in (copy, path.with_name("zz.json"))
    ]
    results.write(replace(FIRST, recipe={"name": "other"}), copy)
    assert learners(collect(folder)) == ["matching", "protonet", "protonet"]


def test_the_error_where_nothing_can_be_ranked(tmp_path):
    assert "holds no result files" in str(nothing(tmp_path, collect(tmp_path)))
    (tmp_path / "odd").mkdir()
    for name in "ab":
        (tmp_path / "odd" / f"{name}.json").write_text("{")
    text = str(nothing(tmp_path, collect(tmp_path)))
    assert "odd/a.json is not JSON" in text
    assert text.endswith(", and 1 other file is left out too")


def test_each_result_has_its_file(folder):
    found = collect(folder)
    assert [results.read(path) for path in found.paths] == found.results
