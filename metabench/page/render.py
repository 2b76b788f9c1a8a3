"""Views to HTML. Jinja escapes every text; only our own SVG, style and script are put in as is."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from metabench.optional import imported
from metabench.page.view import BoardView
from metabench.plots.svg import MARKERS, SERIES, marker
from metabench.results.tables import LEGEND

MARK = '<!doctype html>\n<html lang="en" data-page="metabench">'  # how the page begins
SHAPES = dict(zip(MARKERS, "●■▲◆▼", strict=True))  # of the marks, in a legend


def html(boards: Sequence[BoardView], left_out: Sequence[str] = ()) -> str:
    """The page: one document that asks for nothing else, under a policy that forbids it.

    Args:
      boards: in the order of the page; those of a track together.
      left_out: a sentence for each file that is not shown.

    Raises:
      UserError: Jinja is not installed.
    """
    tracks: dict[str, list[BoardView]] = {}
    for board in boards:
        tracks.setdefault(board.track, []).append(board)
    script = _text("page.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            tracks=tracks,
            left_out=left_out,
            legend=LEGEND,
            style=_text("page.css"),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            version=version("metabench"),
            entries=sum(not one.reference for board in boards for one in board.entries),
            count=len(boards),
            pictures=_pictures(boards),
        )
    )


def _pictures(boards: Sequence[BoardView]) -> dict[str, int]:
    """A number for each image of the looks: learners see the same episodes, so most are shared."""
    looks = [one for board in boards for entry in board.entries for one in entry.looks]
    shown = [image.image for one in looks for image in (*one.support, *one.queries)]
    return {image: number for number, image in enumerate(dict.fromkeys(shown))}


def _text(name: str) -> str:
    return files("metabench.page").joinpath(name).read_text("utf-8")


@cache
def _environment() -> Any:
    jinja2 = imported("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["colour"] = lambda number: number % SERIES
    environment.filters["shape"] = lambda number: SHAPES[marker(number)]
    return environment
