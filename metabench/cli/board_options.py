"""The options of `leaderboard` that say which results are ranked, and those of `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from typer import Argument, Option

# Which results are ranked.
Status: TypeAlias = Annotated[
    str | None,
    Option(
        help="Only results of this status or one that says more: claimed, replayed or retrained."
    ),
]
Transductive: TypeAlias = Annotated[
    bool | None,
    Option(
        "--transductive/--no-transductive",
        help="Only results in which an answer may depend on other queries; or only the others.",
    ),
]
ExtraData: TypeAlias = Annotated[
    bool | None,
    Option(
        "--extra-data/--no-extra-data",
        help="Only results that claim data beyond the training classes; or only the others.",
    ),
]
Pretrained: TypeAlias = Annotated[
    bool | None,
    Option(
        "--pretrained/--no-pretrained",
        help="Only what builds on another learner, trained first; or only the others.",
    ),
]
Trained: TypeAlias = Annotated[
    bool | None,
    Option("--trained/--untrained", help="Only what was trained; or only what was not."),
]
MaxParameters: TypeAlias = Annotated[
    int | None, Option(min=0, help="Only results with at most so many learned numbers.")
]

# What is compared.
One: TypeAlias = Annotated[
    str,
    Argument(
        metavar="A",
        help="A result file, or PROTOCOL/LEARNER among the results of `--folder`.",
    ),
]
Other: TypeAlias = Annotated[str, Argument(metavar="B", help="What it is compared with.")]
Folder: TypeAlias = Annotated[Path, Option(help="Folder of result files, for names.")]
Form: TypeAlias = Annotated[
    str, Option("--format", help="`table`, `markdown`, `csv`, `latex` or `json`.")
]
