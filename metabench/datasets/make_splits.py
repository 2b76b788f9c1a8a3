"""Writes the class lists in the datasets' folders, from the lists of all classes.

Run `python -m metabench.datasets.make_splits` after a change here; a test compares
the committed files with its output.

Omniglot:

- `vinyals`: Vinyals et al. 2016, as in the files that Snell et al. 2017 published with
  Prototypical Networks. The first 1,200 characters of the class table are for
  training and validation, the rest is for the test; five alphabets are the validation.
- `lake`: Lake et al. 2015: background and evaluation alphabets. There is no official
  validation; the same five background alphabets are held out for it.
- `random`: 1,200 / 423 characters, whatever their alphabet, as in Santoro et al. 2016
  and Finn et al. 2017. It is easier, as the same alphabets occur in training and test.

mini-ImageNet:

- `ravi`: Ravi & Larochelle 2017, as in the three lists beside the images.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from metabench.data import splits
from metabench.files.publish import write_text

HERE = Path(__file__).parent
HELD_OUT = frozenset({"Armenian", "Bengali", "Early_Aramaic", "Hebrew", "Mkhedruli_(Georgian)"})
TRAINVAL = 1200  # characters that are not in the test
RANDOM_TRAIN = 1100
RANDOM_SEED = "metabench omniglot random 0"

Parts: TypeAlias = Mapping[str, tuple[str, ...]]


def vinyals(classes: Parts) -> Parts:
    """Cut the table after 1,200 characters: 236 of the evaluation set are used in training."""
    table = _table(classes)
    return {**_held_out(table[:TRAINVAL]), "test": table[TRAINVAL:]}


def lake(classes: Parts) -> Parts:
    """Test on the whole evaluation set."""
    return {**_held_out(classes["background"]), "test": classes["evaluation"]}


def shuffled(classes: Parts) -> Parts:
    """Cut a shuffled table; the classes of each part are then sorted in the table's order.

    Sorting by a hash is a shuffle that does not depend on any library's random generator.
    """
    table = _table(classes)
    order = sorted(
        table, key=lambda name: hashlib.sha256(f"{RANDOM_SEED} {name}".encode()).digest()
    )
    cuts = {
        "train": order[:RANDOM_TRAIN],
        "val": order[RANDOM_TRAIN:TRAINVAL],
        "test": order[TRAINVAL:],
    }
    place = {name: index for index, name in enumerate(table)}
    return {part: tuple(sorted(names, key=place.__getitem__)) for part, names in cuts.items()}


def ravi(classes: Parts) -> Parts:
    """The 64, 16 and 20 classes, as they are listed."""
    return dict(classes)


def _table(classes: Parts) -> tuple[str, ...]:
    return tuple(name for names in classes.values() for name in names)


def _held_out(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    held = tuple(name for name in names if name.split("/")[0] in HELD_OUT)
    return {"train": tuple(name for name in names if name not in set(held)), "val": held}


class Rule(NamedTuple):
    """How a split is made from a dataset's classes."""

    rotations: int
    parts: Callable[[Parts], Parts]


RULES = {  # by dataset and split
    ("omniglot", "vinyals"): Rule(4, vinyals),
    ("omniglot", "lake"): Rule(1, lake),
    ("omniglot", "random"): Rule(4, shuffled),
    ("mini_imagenet", "ravi"): Rule(1, ravi),
}


def text(dataset: str, name: str) -> str:
    """Return the text of `<dataset>/<name>.json`."""
    rule = RULES[dataset, name]
    parts = rule.parts(splits.classes(HERE / dataset))
    digest = splits.digest_of(name, rule.rotations, parts)
    stored = {"name": name, "rotations": rule.rotations, "digest": digest, "parts": parts}
    return json.dumps(stored, indent=1) + "\n"


def main() -> None:
    """Write every list."""
    for dataset, name in RULES:
        write_text(HERE / dataset / f"{name}.json", text(dataset, name))


if __name__ == "__main__":
    main()
