"""`folder:PATH`: the user's own images, as `split/class/image` or `class/image`.

A split is one of train, val (or valid, validation) and test. Without them the classes
are divided 64 : 16 : 20 by a seeded hash of their names, so that everybody with the same
classes gets the same parts. A folder that is only tested on is all test. Images are PNG, JPEG,
GIF, BMP, TIFF or WebP files, of which the first frame is taken, and are resized to a square;
transparent pixels become white. What systems leave is passed over; any other layout is an error.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from metabench.contracts.dataset import DatasetSpec, Examples, Request
from metabench.data import splits
from metabench.datasets.folder import images
from metabench.datasets.folder.images import Drawn
from metabench.datasets.folder.tree import FEWEST, NEEDED, Tree, read_tree
from metabench.errors import UserError
from metabench.files.progress import say
from metabench.types import Split

USUAL = 84  # pixels, if the images have no common square size
SEED = "metabench folder 0"
SHARES = {"train": 0.64, "val": 0.16}  # the rest is the test


def folder(path: str, tested: bool = False) -> DatasetSpec:
    """Describe the images under `path`; reads all names, and as many headers as needed.

    Args:
        path: of the folder.
        tested: whether it is only tested on. Then the default split has all its classes in the
            test, and two classes in any of the layouts are enough.

    Raises:
        UserError: there is no such folder, or it has another layout.
    """
    root = Path(path).expanduser().resolve()
    if not path or not root.is_dir():
        raise UserError(
            f"`dataset` is 'folder:{path}', which is not a folder; name one with images"
        )
    tree = read_tree(root, tested)
    name = "folder-" + (re.sub(r"[^A-Za-z0-9_-]+", "-", root.name).strip("-") or "images")
    splits_ = splits_of(tree, tested)
    size, channels = images.survey(tree.images)
    side = size or USUAL
    return DatasetSpec(
        name=name,
        version=tree.fingerprint[:16],
        description=f"{len(tree.images):,} images of {len(tree.classes):,} classes in a folder.",
        licence="the folder's own",
        citation="none",
        image=(side, side, channels),
        splits={split.name: partial(_itself, split) for split in splits_},
        default_split=splits_[0].name,
        examples=partial(_examples, root, tree, tested, channels),
    )


def splits_of(tree: Tree, tested: bool) -> list[Split]:
    """What the folder allows, the default first: all in the test, the given parts, seeded ones."""
    found: dict[str, Mapping[str, tuple[str, ...]]] = {}
    if tested:
        found["all"] = {"train": (), "val": (), "test": tree.classes}
    if set(tree.parts) == set(NEEDED):
        found["given"] = tree.parts
    if not tree.parts and len(tree.classes) >= FEWEST:
        found["seeded"] = shared_out(tree)
    return [
        Split(name, parts, 1, splits.digest_of(name, 1, parts)) for name, parts in found.items()
    ]


def _itself(split: Split) -> Split:
    return split


def shared_out(tree: Tree) -> Mapping[str, tuple[str, ...]]:
    """Divide the classes by a hash of their names, at least one for each part."""
    names = sorted(tree.classes, key=lambda n: hashlib.sha256(f"{SEED} {n}".encode()).digest())
    train = min(max(1, round(SHARES["train"] * len(names))), len(names) - 2)
    val = min(max(1, round(SHARES["val"] * len(names))), len(names) - train - 1)
    cuts = {
        "train": names[:train],
        "val": names[train : train + val],
        "test": names[train + val :],
    }
    return {part: tuple(sorted(found)) for part, found in cuts.items()}


def _examples(root: Path, tree: Tree, tested: bool, channels: int, request: Request) -> Examples:
    def note(text: str) -> None:
        say(text, request.shown)

    def stream() -> Drawn:
        yield from images.decoded(tree.images, request.size, channels, note)
        if read_tree(root, tested).fingerprint != tree.fingerprint:
            raise UserError(f"folder {root} was changed while it was read; run the command again")

    return Examples(len(tree.images), stream(), f"a local folder, {len(tree.images):,} images")
