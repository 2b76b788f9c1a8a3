"""Writes the class lists in `splits/` from the list of Omniglot's characters alone.

Run `python -m metabench.datasets.make_splits` after a change here; a test compares
the committed files with what this makes.

- `vinyals`: Vinyals et al. 2016, in the files that Snell et al. 2017 published with
  Prototypical Networks: the first 1,200 characters of the class table are for
  training and validation, the rest is the test; five alphabets are the validation.
- `lake`: Lake et al. 2015: background and evaluation alphabets. There is no official
  validation; the same five background alphabets are held out for it.
- `random`: 1,200 / 423 characters whatever their alphabet, as in Santoro et al. 2016
  and Finn et al. 2017. It is easier: alphabets are met in training and in the test.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from metabench.datasets import splits

HELD_OUT = frozenset({"Armenian", "Bengali", "Early_Aramaic", "Hebrew", "Mkhedruli_(Georgian)"})
TRAINVAL = 1200  # characters that are not in the test
RANDOM_TRAIN = 1100
RANDOM_SEED = "metabench omniglot random 0"

Parts: TypeAlias = Mapping[str, tuple[str, ...]]


def vinyals(background: Sequence[str], evaluation: Sequence[str]) -> Parts:
    """Cut the table after 1,200 characters: 236 of the evaluation set join the training."""
    table = (*background, *evaluation)
    return {**_held_out(table[:TRAINVAL]), "test": table[TRAINVAL:]}


def lake(background: Sequence[str], evaluation: Sequence[str]) -> Parts:
    """Test on the whole evaluation set."""
    return {**_held_out(background), "test": tuple(evaluation)}


def shuffled(background: Sequence[str], evaluation: Sequence[str]) -> Parts:
    """Cut a shuffled table; each part is then put back in the table's order.

    Sorting by a hash is a shuffle that no library's random generator can change.
    """
    table = (*background, *evaluation)
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


def _held_out(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    held = tuple(name for name in names if name.split("/")[0] in HELD_OUT)
    return {"train": tuple(name for name in names if name not in set(held)), "val": held}


RULES: dict[str, tuple[int, Callable[[Sequence[str], Sequence[str]], Parts]]] = {
    "vinyals": (4, vinyals),
    "lake": (1, lake),
    "random": (4, shuffled),
}


def text(name: str) -> str:
    """Return the text of `splits/omniglot-<name>.json`."""
    rotations, rule = RULES[name]
    classes = splits.omniglot_classes()
    parts = rule(classes["background"], classes["evaluation"])
    digest = splits.digest_of(name, rotations, parts)
    stored = {"name": name, "rotations": rotations, "digest": digest, "parts": parts}
    return json.dumps(stored, indent=1) + "\n"


def main() -> None:
    """Write every list."""
    for name in RULES:
        (splits.FOLDER / f"omniglot-{name}.json").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
