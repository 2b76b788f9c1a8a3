"""The options of `submit`, `verify` and `accept`: names, kinds and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from typer import Argument, Option

# Of `submit`.
Submitted: TypeAlias = Annotated[
    str,
    Argument(
        metavar="LEARNER",
        help="Name of the learner, path/to/file.py:function, or package.module:function.",
    ),
]
Folder: TypeAlias = Annotated[
    Path, Option(help="Folder of the entry; it is written last, whole or not at all.")
]
Authors: TypeAlias = Annotated[list[str], Option(help="Who submits it; once for each author.")]
Set: TypeAlias = Annotated[
    str, Option(help="Set of protocols: quick (strokes), core (Omniglot) or full.")
]
Paper: TypeAlias = Annotated[str | None, Option(help="Where the learner is described.")]
Code: TypeAlias = Annotated[str | None, Option(help="Where its code is kept.")]
Licence: TypeAlias = Annotated[str | None, Option(help="Under which it is given.")]
ExtraData: TypeAlias = Annotated[
    str | None, Option(help="Data that it learned from, beyond the training classes.")
]
Notes: TypeAlias = Annotated[str | None, Option(help="What a reader should know.")]
TrainOnce: TypeAlias = Annotated[
    bool,
    Option(
        "--train-once",
        help="Train for the first protocol of each dataset, and test that under the others.",
    ),
]

# Of `verify`.
Held: TypeAlias = Annotated[
    Path,
    Argument(metavar="ENTRY", help="Folder of an entry, or a result file whose run is at hand."),
]
Tasks: TypeAlias = Annotated[
    int, Option(min=1, help="Test tasks to replay of each result, chosen at random.")
]
AllTasks: TypeAlias = Annotated[bool, Option("--all", help="Replay all test tasks.")]
Choice: TypeAlias = Annotated[
    int | None, Option(min=0, help="Seed of the choice of tasks; a new one if not given.")
]
Retrain: TypeAlias = Annotated[
    bool, Option("--retrain", help="Train again by the recipe, and compare.")
]
Canaries: TypeAlias = Annotated[
    bool,
    Option(
        "--canaries",
        help="Measure the canaries too: compare them, or add them to a result file without any.",
    ),
]
Looks: TypeAlias = Annotated[
    bool,
    Option(
        "--looks",
        help="Of a result file: keep two test episodes with the answers beside it, for the page.",
    ),
]
Trust: TypeAlias = Annotated[
    bool, Option("--trust", help="The code of the entry's learner may be run here.")
]
Signer: TypeAlias = Annotated[
    str | None, Option(help="Your name: where all holds, sign the results with it.")
]
OfResult: TypeAlias = Annotated[
    str | None, Option(help="The learner of a result file, if no package registers it.")
]

# Of `accept`.
Whole: TypeAlias = Annotated[Path, Argument(metavar="ENTRY", help="Folder of an entry.")]
Boards: TypeAlias = Annotated[
    Path, Option(help="Folder of leaderboards, a folder for each protocol in it.")
]
Replace: TypeAlias = Annotated[
    bool, Option("--force", help="Replace other results of the same settings, or other files.")
]
