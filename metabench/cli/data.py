"""`metabench data`: prepare datasets."""

from __future__ import annotations

from typing import Annotated

import typer

from metabench.cli import options

data_commands = typer.Typer(
    help="Prepare datasets.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


@data_commands.command()
def prepare(
    name: Annotated[str, typer.Argument(help="Name of the dataset.")],
    size: options.ImageSize = None,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Turn a dataset's archives into memory-mapped arrays, once."""
    from metabench import data

    folder = data.prepare(name, size, archives, cache)
    found = data.load(name, size, cache)
    print(f"{found.name}: {len(found.labels):,} images, {len(found.class_names):,} classes")
    print(f"source: {found.source}\ndigest: {found.digest}\nfolder: {folder}")


@data_commands.callback()
def _group() -> None:
    """Keeps `prepare` a subcommand while it is the only one."""
