"""`metabench leaderboard html`: all results as one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from metabench.errors import UserError
from metabench.files.progress import say

if TYPE_CHECKING:
    from metabench.results.filters import Filters

FORMAT = "html"  # as an argument of `metabench leaderboard`, or its `--format`
SITE = Path("site")


def check(
    word: str | None, form: str, protocol: str | None, markdown: Path | None, filters: Filters
) -> None:
    """`UserError` for what does not go with the page."""
    if word not in (None, FORMAT):
        raise UserError(
            f"`metabench leaderboard` takes {FORMAT!r} as its argument, not {word!r}; a folder of "
            "results is given by `--folder`"
        )
    if form not in ("table", "text", FORMAT) or markdown is not None:
        raise UserError(f"`{FORMAT}` is a format of its own: leave `format` and `markdown` out")
    asked = ["protocol"] if protocol is not None else []
    asked += [name for name, value in vars(filters).items() if value is not None]
    if asked:
        raise UserError(f"`{asked[0]}` does not go with the page: it shows all boards, and filters")


def write(folder: Path, out: Path, strict: bool, force: bool) -> None:
    """Write the page into `out`, and name the files that it does not show."""
    from metabench.page import site

    found = site.write(folder, out, force)
    print(f"leaderboards: {out / site.INDEX}")
    for sentence in found.left_out:
        say(f"left out: {sentence}")
    for sentence in found.copies:
        say(sentence)
    if strict and found.left_out:
        raise typer.Exit(1)
