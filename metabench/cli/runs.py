"""`metabench runs clean`: remove what trainings left beside their checkpoints."""

from __future__ import annotations

from pathlib import Path

import typer

from metabench.cli import options

runs_commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Folders of checkpoints."
)


@runs_commands.callback()
def _group() -> None:
    """Keep `clean` a command of its own, though it is the only one."""


@runs_commands.command()
def clean(run_dir: options.RunDir = Path("runs")) -> None:
    """Remove locks that nobody holds, and checkpoints that a newer training replaced."""
    from metabench.training.cleaning import clean as cleaned

    done = cleaned(run_dir)
    for path in done.removed:
        print(f"removed: {path}")
    for path in done.busy:
        print(f"left alone, a training goes on there: {path}")
    for path in done.kept:
        print(f"kept, the newer training has no checkpoint yet: {path}")
    if not done.removed:
        print(f"nothing to remove in {run_dir}")
