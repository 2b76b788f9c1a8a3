"""`metabench check`: what a learner must do, checked, and what is wrong with it in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from metabench.cli import options
from metabench.cli.outputs import check_out, told
from metabench.cli.settings import parse_settings
from metabench.errors import UserError

FORMATS = ("text", "json")
Checked = Annotated[
    str,
    Argument(
        metavar="LEARNER",
        help="Name of the learner, path/to/file.py:function, or package.module:function.",
    ),
]
Form = Annotated[str, Option("--format", help="`text` for people, `json` for other programs.")]
ReportOut = Annotated[
    Path | None, Option("--out", help="Also write the report as JSON to this file, *.json, or `-`.")
]


def check(
    learner: Checked,
    set_: options.Settings = None,
    form: Form = "text",
    out: ReportOut = None,
    quiet: options.Quiet = False,
) -> None:
    """Check that LEARNER keeps the contract, and say in words what fails and what to do.

    It ends with exit code 0 where nothing fails, 1 where a check fails, and 2 for a wrong call.
    """
    from metabench.conformance.report import check as checked
    from metabench.files.canonical import canonical
    from metabench.files.publish import write_text

    if form not in FORMATS:
        raise UserError(f"`format` is {form!r}; it must be one of: {', '.join(FORMATS)}")
    if out is not None:
        check_out(out, ".json")
    report = checked(learner, settings=parse_settings(set_ or []), progress=not quiet)
    text = canonical(report.as_json())
    if out is not None:
        write_text(out, text)
    with told(out):
        print(text if form == "json" else report, end="" if form == "json" else "\n")
    if not report.holds:
        raise typer.Exit(1)
