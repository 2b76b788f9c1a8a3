"""Images that lie loose in a folder, or in folders of it: nothing is said of their classes."""

from __future__ import annotations

from pathlib import Path

from metabench.datasets.folder.tree import IMAGES, visible
from metabench.errors import UserError


def loose(root: Path) -> tuple[tuple[str, Path], ...]:
    """The image files of `root` and of the folders in it, each with its name below `root`.

    Raises:
        UserError: there is no such folder, no image in it, or a file that is no image.
    """
    if not root.is_dir():
        raise UserError(f"`query` is {root}, which is not a folder; name one with images")
    found: list[Path] = []
    for entry in visible(root):
        below = visible(Path(entry.path)) if entry.is_dir() else [entry]
        for one in below:
            if not (one.is_file() and one.name.lower().endswith(IMAGES)):
                kind = f"no image file ({', '.join(IMAGES)})"
                what = "a folder in a folder" if one.is_dir() else kind
                raise UserError(f"{one.path} is {what}; move it away")
            found.append(Path(one.path))
    if not found:
        raise UserError(f"folder {root} has no images; put some there")
    return tuple((path.relative_to(root).as_posix(), path) for path in found)
