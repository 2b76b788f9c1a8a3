"""The committed class lists: membership, digests, and the script that made them."""

from __future__ import annotations

import json

import pytest

from metabench.data import splits
from metabench.datasets import make_splits
from metabench.datasets.omniglot.dataset import DATASET
from metabench.datasets.omniglot.dataset import HERE as OMNIGLOT

DIGESTS = {
    "vinyals": "3f10a5ed0effee1a585bc849bec09aa43d91ec1b811f37886a0b5e6a841a41d1",
    "lake": "6033a18200a371d160ade26f9a5ae9d24fbb48193e0d3a020a363ee9ce60c0fa",
    "random": "25642ca48d2955d8f2311d755b48a48aa970f22d585e257feb15b0849d375bee",
}
HELD_OUT = {"Armenian", "Bengali", "Early_Aramaic", "Hebrew", "Mkhedruli_(Georgian)"}


def alphabets(names):
    return {name.split("/")[0] for name in names}


def table():
    classes = splits.classes(OMNIGLOT)
    return (*classes["background"], *classes["evaluation"])


def test_class_list_is_omniglots():
    classes = splits.classes(OMNIGLOT)
    assert [len(names) for names in classes.values()] == [964, 659]
    assert [len(alphabets(names)) for names in classes.values()] == [30, 20]
    for names in classes.values():
        assert list(names) == sorted(names)


@pytest.mark.parametrize(
    ("name", "counts", "rotations"),
    [
        ("vinyals", (1028, 172, 423), 4),
        ("lake", (792, 172, 659), 1),
        ("random", (1100, 100, 423), 4),
    ],
)
def test_parts_divide_the_table_and_keep_its_order(name, counts, rotations):
    split = DATASET.splits[name]()
    assert tuple(split.parts) == ("train", "val", "test")
    assert tuple(map(len, split.parts.values())) == counts
    assert split.rotations == rotations
    assert sorted(sum(split.parts.values(), ())) == sorted(table())
    place = {c: i for i, c in enumerate(table())}
    for names in split.parts.values():
        assert list(names) == sorted(names, key=place.__getitem__)


def test_vinyals_is_cut_inside_gurmukhi():
    parts = DATASET.splits["vinyals"]().parts
    assert alphabets(parts["val"]) == HELD_OUT
    assert parts["train"][-1] == "Gurmukhi/character41"
    assert parts["test"][:5] == (
        *(f"Gurmukhi/character{n}" for n in (42, 43, 44, 45)),
        "Kannada/character01",
    )
    assert len(alphabets(parts["test"])) == 13
    assert alphabets(parts["test"]) & alphabets(parts["train"]) == {"Gurmukhi"}


def test_lake_shares_no_alphabet():
    parts = DATASET.splits["lake"]().parts
    assert alphabets(parts["val"]) == HELD_OUT
    assert parts["test"] == splits.classes(OMNIGLOT)["evaluation"]
    assert not alphabets(parts["train"]) & alphabets(parts["test"])


def test_random_shares_alphabets():
    parts = DATASET.splits["random"]().parts
    assert len(alphabets(parts["train"]) & alphabets(parts["test"])) > 40


@pytest.mark.parametrize("name", DIGESTS)
def test_committed_lists_are_what_the_script_makes(name):
    committed = (OMNIGLOT / f"{name}.json").read_text(encoding="utf-8")
    assert committed == make_splits.text("omniglot", name)
    assert DATASET.splits[name]().digest == DIGESTS[name]


def test_an_edited_list_is_refused(tmp_path):
    stored = json.loads(make_splits.text("omniglot", "lake"))
    stored["parts"]["train"].append(stored["parts"]["test"].pop())
    (tmp_path / "edited.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=r"`edited.json` was edited"):
        splits.load(tmp_path, "edited")
