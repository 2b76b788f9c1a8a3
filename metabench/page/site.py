"""The page of a folder of results, and copies of its result files beside it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from metabench.errors import UserError
from metabench.files.publish import write_bytes, write_text
from metabench.page import causal, fewshot, forecast, optimizers
from metabench.page.naming import RESULTS, address
from metabench.page.render import MARK, html
from metabench.page.view import BoardView
from metabench.results import looks
from metabench.results.collected import Collected, collect
from metabench.results.looks import Look
from metabench.results.ranking import rank
from metabench.results.track_documents import documents

INDEX = "index.html"
BOARDS = {"optimizers": optimizers.board, "causal": causal.board}  # one board for a file
BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError)  # of a document's content


class Site(NamedTuple):
    """What a page shows."""

    boards: list[BoardView]
    files: list[Path]  # that its boards link to
    left_out: list[str]  # a sentence for each file that is not shown
    copies: list[str]  # a sentence for each file that holds the same as another


def site(folder: Path) -> Site:
    """All boards of the results below `folder`, those of each track together.

    A file that is broken, foreign or doubtful is named in `left_out`, and stops nothing.
    """
    found = collect(folder)
    addresses = {
        id(result): address(path, folder)
        for result, path in zip(found.results, found.paths, strict=True)
    }
    seen, unseen = _looks(found)
    boards = fewshot.boards(rank(found.results), addresses, seen)
    others = _others(folder)
    return Site(
        [*boards, *others.boards],
        [*found.paths, *others.files],
        [*found.left_out, *unseen, *others.left_out],
        found.copies,
    )


def _looks(found: Collected) -> tuple[dict[int, tuple[Look, ...]], list[str]]:
    """What lies beside the results' files, by `id` of the result; and sentences on what cannot."""
    seen, unseen = {}, []
    for result, path in zip(found.results, found.paths, strict=True):
        if looks.place(path).is_file():
            try:
                seen[id(result)] = looks.read(looks.place(path), result)
            except UserError as error:
                unseen.append(str(error))
    return seen, unseen


def _others(folder: Path) -> Site:
    """Forecasts, one board for a protocol; then optimizers and causes, one board for a file."""
    found, left_out = documents(folder)
    shown = Site([], [], list(left_out), [])
    forecasts: dict[str, list[forecast.Filed]] = defaultdict(list)
    single: dict[str, list[BoardView]] = {track: [] for track in BOARDS}
    for path, document in found:
        filed = forecast.Filed(document, address(path, folder))
        try:
            if document["track"] == "forecast":
                forecasts[forecast.check(filed)].append(filed)
            else:
                track, place = document["track"], path.relative_to(folder)
                single[track].append(BOARDS[track](document, place, filed.address))
            shown.files.append(path)
        except BROKEN as error:
            what = f"{type(error).__name__}: {error}"
            shown.left_out.append(f"{path} is no result file of its track ({what})")
    shown.boards.extend(forecast.board(*one) for one in forecasts.items())
    shown.boards.extend(board for boards in single.values() for board in boards)
    return shown


def write(folder: Path, out: Path, force: bool = False) -> Site:
    """Write `out/index.html`, and copies of the result files that it links to.

    Args:
      folder: of results, as `metabench leaderboard` reads it.
      out: a folder; made if it is not there.
      force: whether an `index.html` that is no such page may be replaced.

    Raises:
      UserError: there is nothing to show, the folder cannot be written, or another page is there.
    """
    index = out / INDEX
    check_index(index, force)
    found = site(folder)
    if not found.boards:
        raise UserError(f"`folder` {folder} holds no results to show; `metabench run` writes some")
    text = html(found.boards, [*found.left_out, *found.copies])
    for path in found.files:
        write_bytes(out / RESULTS / path.relative_to(folder), path.read_bytes())
    write_text(index, text)
    return found


def check_index(index: Path, force: bool) -> None:
    """`UserError` if another page than ours would be replaced."""
    if force or not index.exists():
        return
    try:
        begins = index.read_bytes()[: len(MARK)] if index.is_file() else b""
    except OSError as error:
        raise UserError(f"`out` {index} cannot be read ({error.strerror})") from error
    if begins != MARK.encode():
        raise UserError(
            f"`out` {index} is there, and is no page of leaderboards; name another folder, or "
            "write over it with `--force`"
        )
