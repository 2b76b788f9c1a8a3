"""What the cache holds, and that `verify` names whatever is not as it was written."""

from __future__ import annotations

import json

import numpy as np
import pytest

from metabench import data
from metabench.data import arrays, inventory
from metabench.errors import UserError
from tests.made_up_dataset import SPEC


@pytest.fixture
def prepared(tmp_path):
    """The folder of SPEC at 8 pixels; what it holds is 6 images."""
    return data.prepare(SPEC, cache=tmp_path, progress=False)


def only(cache):
    (entry,) = inventory.entries(cache)
    return entry


def flip(path, place, bit=0):
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def edit(folder, **fields):
    """Change `meta.json` as a hand would."""
    path = folder / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_entries_are_what_lies_on_disk(tmp_path, prepared):
    data.prepare(SPEC, 5, cache=tmp_path, progress=False)
    data.prepare(SPEC._replace(version="2"), cache=tmp_path, progress=False)
    (tmp_path / "other" / "1" / "sizes").mkdir(parents=True)
    found = inventory.entries(tmp_path)
    assert [one[:3] for one in found] == [
        ("made-up", "1", 5),
        ("made-up", "1", 8),
        ("made-up", "2", 8),
    ]
    assert found[1].folder == prepared
    assert found[1].bytes == sum(path.stat().st_size for path in prepared.iterdir())
    assert [one.size for one in inventory.of_spec(SPEC, tmp_path)] == [5, 8]


def test_whole_files_have_no_damage(tmp_path, prepared):
    assert inventory.damage(only(tmp_path)) == ""


@pytest.mark.parametrize("name", ["images.npy", "labels.npy"])
@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_a_flipped_bit_names_its_file(tmp_path, prepared, name, place):
    flip(prepared / name, place)
    sentence = inventory.damage(only(tmp_path))
    assert f"is damaged: {name} " in sentence
    assert str(prepared) in sentence
    assert "run `metabench data prepare " in sentence
    assert "--size 8 --force`" in sentence
    assert "\n" not in sentence
    others = {"images.npy", "labels.npy", "meta.json"} - {name}
    assert not [other for other in others if other in sentence]


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "meta.json"])
@pytest.mark.parametrize("length", [0, 10, -2])
def test_a_file_cut_short_or_gone_is_named(tmp_path, prepared, name, length):
    path = prepared / name
    path.write_bytes(path.read_bytes()[:length])
    assert f"is damaged: {name} " in inventory.damage(only(tmp_path))
    path.unlink()
    assert f"is damaged: {name} cannot be read (" in inventory.damage(only(tmp_path))
    assert not data.is_prepared(SPEC, cache=tmp_path)


def test_both_arrays_are_named_where_both_are_damaged(tmp_path, prepared):
    flip(prepared / "images.npy", -1)
    flip(prepared / "labels.npy", -1)
    sentence = inventory.damage(only(tmp_path))
    assert "images.npy has other bytes than were written and labels.npy has other" in sentence


@pytest.mark.parametrize(
    "fields",
    [
        {"class_names": ["a/1", "a/2", "b/2"]},
        {"digest": "0" * 64},
        {"source": "somewhere better"},
        {"shape": [6, 8, 8]},
        {"sha256": {}},
        {"self": "0" * 64},
        {"added": 1},
    ],
)
def test_an_edited_page_is_found_and_not_trusted(tmp_path, prepared, fields):
    edit(prepared, **fields)
    assert "is damaged: meta.json was edited" in inventory.damage(only(tmp_path))
    assert not data.is_prepared(SPEC, cache=tmp_path)
    with pytest.raises(UserError, match="is not prepared"):
        data.load(SPEC, cache=tmp_path)


@pytest.mark.parametrize("text", ["[]", "null", "3", '"a"'])
def test_a_page_that_is_something_else(tmp_path, prepared, text):
    (prepared / "meta.json").write_text(text)
    assert "meta.json is not what was written" in inventory.damage(only(tmp_path))
    assert not data.is_prepared(SPEC, cache=tmp_path)


def test_a_page_laid_out_anew_is_the_same_page(tmp_path, prepared):
    edit(prepared)
    assert inventory.damage(only(tmp_path)) == ""


def test_an_edit_that_also_mends_the_checksum_is_found_by_the_digest(tmp_path, prepared):
    meta = json.loads((prepared / "meta.json").read_text())
    del meta["self"]
    arrays.write_meta(prepared, meta | {"class_names": ["a/1", "a/2", "b/2"]})
    assert "meta.json names another digest" in inventory.damage(only(tmp_path))


def test_an_earlier_format_says_so(tmp_path, prepared):
    edit(prepared, format=1)
    assert f"is of format 1, and this metabench reads {arrays.FORMAT}" in inventory.damage(
        only(tmp_path)
    )
    assert not data.is_prepared(SPEC, cache=tmp_path)


@pytest.mark.parametrize("replacement", [np.zeros((6, 8, 8, 1), np.float32), np.zeros(6, np.uint8)])
def test_an_array_of_another_kind_is_not_trusted(tmp_path, prepared, replacement):
    np.save(prepared / "images.npy", replacement)
    assert "is damaged: images.npy " in inventory.damage(only(tmp_path))
    assert not data.is_prepared(SPEC, cache=tmp_path)


def test_preparing_with_force_mends(tmp_path, prepared):
    flip(prepared / "images.npy", -1)
    data.prepare(SPEC, cache=tmp_path, progress=False)  # loading reads no pixels: not noticed
    assert inventory.damage(only(tmp_path))
    data.prepare(SPEC, cache=tmp_path, progress=False, force=True)
    assert inventory.damage(only(tmp_path)) == ""


def test_select(tmp_path, prepared):
    assert inventory.select(None, None, tmp_path / "empty") == []
    assert len(inventory.select(None, 8, tmp_path)) == 1
    with pytest.raises(UserError, match=r"strokes at `size` 9 is not prepared in .*--size 9`"):
        inventory.select("strokes", 9, tmp_path)
    with pytest.raises(UserError, match="did you mean `strokes`"):
        inventory.select("stroks", None, tmp_path)


def test_a_golden_digest_is_told_from_others():
    spec = SPEC._replace(digests={8: "a" * 64})
    assert inventory.standing(spec, 8, "a" * 64) == "the published one"
    assert inventory.standing(spec, 8, "b" * 64) == "not the published one, aaaaaaaaaaaa"
    assert inventory.standing(spec, 9, "a" * 64) == "none is published for this size"
    assert inventory.standing(None, 8, "a" * 64) == "none is published for this size"
