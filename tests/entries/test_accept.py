"""Results of an entry come into the boards whole or not at all, and nothing there is lost."""

import dataclasses
import os
import threading
from pathlib import Path

import pytest

from metabench.entries import accept as accepting
from metabench.entries import folder as folders
from metabench.entries.accept import accept
from metabench.entries.verify import Wanted, signed_by, verify_entry
from metabench.errors import UserError
from metabench.results import document
from metabench.results.collected import collect
from metabench.results.status import signed, status_of
from tests.entries.test_folder import ABOUT
from tests.made_up_result import made_up


class Stop(BaseException):
    """The process ends here."""


def entry_of(folder, *results, about=ABOUT):
    places = {
        document.default_path(one, Path(folders.RESULTS)).as_posix(): document.to_json(one).encode()
        for one in results
    }
    folders.write(folder, about, places, replace=True)
    return folders.read(folder)


ONE = made_up("mine.mine")
TWO = made_up("mine.mine", protocol={"shot": 2})
BOTH = [ONE, TWO]


@pytest.fixture
def two(tmp_path):
    """An entry of two results."""
    return entry_of(tmp_path / "entry", *BOTH)


@pytest.fixture
def boards(tmp_path):
    """A folder in which another result is, and a file that is none."""
    folder = tmp_path / "boards"
    document.write(made_up("protonet"), document.default_path(made_up("protonet"), folder))
    (folder / ONE.protocol.id / "notes.json").write_text('{"foreign": 1}')
    (folder / ONE.protocol.id / "broken.json").write_text("{")
    return folder


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_entry_is_ranked_beside_what_is_there(two, boards):
    before = content(boards)
    assert [one.news for one in accept(two, boards, force=False)] == ["new", "new"]
    after = content(boards)
    assert before.items() < after.items()
    assert len(after) == len(before) + 2  # nothing else is left there
    found = collect(boards)
    assert [one.learner for one in found.results].count("mine.mine") == 2
    assert len(found.left_out) == 2  # a sentence for each file that is no result
    assert [one.news for one in accept(two, boards, force=False)] == ["there already"] * 2
    assert content(boards) == after


def test_signatures_of_both_are_kept(two, boards, tmp_path):
    def by(who):
        vouched = signed(ONE, "replayed", who=who, when="2026-01-02T03:04:05+00:00", where="here",
                         tasks=4)  # fmt: skip
        return entry_of(tmp_path / who, vouched, TWO)

    accept(two, boards, force=False)
    for who in ("a", "b"):
        assert [one.news for one in accept(by(who), boards, force=False)] == [
            "signed", "there already",
        ]  # fmt: skip
    first, *_ = accept(two, boards, force=False)  # without signatures: it takes none away
    assert first.news == "there already"
    there = document.read(first.path)
    assert [one["who"] for one in there.signatures] == ["a", "b"]
    assert status_of(there) == "replayed"


@pytest.mark.parametrize("kind", ["another", "foreign"])
def test_what_is_something_else_is_replaced_only_if_asked(two, boards, kind):
    path = document.default_path(TWO, boards)
    path.parent.mkdir()
    other = document.to_json(dataclasses.replace(TWO, created="2025-01-01T00:00:00+00:00"))
    path.write_text(other if kind == "another" else '{"foreign": 1}')
    before = content(boards)
    with pytest.raises(UserError, match=r"holds something else .*-2shot.*`--force`"):
        accept(two, boards, force=False)
    assert content(boards) == before  # none of the two came in
    assert [one.news for one in accept(two, boards, force=True)] == ["new", "replaced"]
    assert document.read(path) == TWO


def test_a_damaged_entry_is_refused(two, boards):
    before = content(boards)
    (two.folder / "more.txt").write_text("?")
    with pytest.raises(UserError, match=r"is damaged, and is not accepted: more\.txt is not named"):
        accept(two, boards, force=True)
    assert content(boards) == before


def test_no_result_is_written_outside(boards, tmp_path):
    with pytest.raises(UserError, match="outside of"):
        accepting._plan("results/p/../../x.json", ONE, boards)


def stopping_at(patch, number, error):
    """The `number`-th operation on files fails with `error`."""
    done = [0]
    for owner, name in (
        (os, "fsync"), (os, "replace"), (Path, "rename"), (Path, "mkdir"), (os, "chmod"),
    ):  # fmt: skip
        real = getattr(owner, name)

        def counted(*arguments, real=real, **options):
            done[0] += 1
            if done[0] == number:
                raise error
            return real(*arguments, **options)

        patch.setattr(owner, name, counted)


def placed(boards):
    return [
        document.default_path(one, boards).exists() and document.read(
            document.default_path(one, boards)
        ).created == one.created
        for one in BOTH
    ]  # fmt: skip


@pytest.mark.parametrize("error", [Stop(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("replaces", [False, True])
def test_a_stop_at_any_operation_loses_nothing(two, boards, monkeypatch, error, replaces):
    if replaces:
        for one in BOTH:
            old = dataclasses.replace(one, created="2025-01-01T00:00:00+00:00")
            document.write(old, document.default_path(old, boards))
    before, halves, stops = content(boards), 0, 0
    for number in range(1, 60):
        with monkeypatch.context() as patch:
            stopping_at(patch, number, error)
            try:
                accept(two, boards, force=replaces)
            except Stop:
                stops += 1
            except UserError as sentence:
                stops += 1
                said = str(sentence)
                unchanged = content(boards) == before  # nothing came, nothing is left behind
            else:
                break
        if isinstance(error, OSError):
            assert "No space left on device" in said
            assert unchanged
        halves += len(set(placed(boards))) > 1
        assert len(collect(boards).left_out) == 2  # what is there can be read
        if (boards / accepting.COMPLETE).exists():  # the next one, of any entry, finishes it
            other = entry_of(two.folder.parent / "other", made_up("other"))
            accept(other, boards, force=False)
            assert placed(boards) == [True, True]
            for place in content(boards).keys() - before.keys():
                (boards / place).unlink()
            for place, old in before.items():
                (boards / place).write_bytes(old)
    assert stops > 10
    assert halves > 0 or isinstance(error, OSError)
    assert placed(boards) == [True, True]
    assert not [one for one in boards.iterdir() if one.name.startswith(".")]


def test_of_two_at_once_both_come_in(boards, tmp_path):
    entries = [entry_of(tmp_path / f"entry{n}", made_up(f"mine{n}"), TWO) for n in range(4)]
    threads = [
        threading.Thread(target=accept, args=(one, boards), kwargs={"force": False})
        for one in entries
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    learners = [one.learner for one in collect(boards).results]
    assert sorted(learners) == ["mine.mine", "mine0", "mine1", "mine2", "mine3", "protonet"]


def test_a_replayed_entry_keeps_its_status(entry, boards):
    place, _ = next(iter(entry.results.items()))
    (one,) = verify_entry(entry, Wanted(tasks=2, trust=True))
    folders.sign(entry, place, signed_by(one, "A. Reader", retrain=False))
    (found,) = accept(folders.read(entry.folder), boards, force=False)
    assert status_of(document.read(found.path)) == "replayed"
