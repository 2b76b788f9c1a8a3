"""`metabench data`: list, prepare, verify and show datasets."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from metabench.cli import options
from metabench.cli.computing import computes
from metabench.cli.listing import datasets
from metabench.cli.outputs import check_out, check_picture, told
from metabench.errors import UserError
from metabench.files.progress import say

data_commands = typer.Typer(
    help="List, prepare, verify and show datasets.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
data_commands.command("list")(datasets)

Name = Annotated[str, typer.Argument(help="Name of the dataset, or folder:PATH.")]


@data_commands.command()
def prepare(
    name: Name,
    size: options.ImageSize = None,
    archives: options.Archives = None,
    cache: options.Cache = None,
    force: options.Force = False,
) -> None:
    """Turn a dataset's archives into memory-mapped arrays, once."""
    from metabench import data
    from metabench.data import inventory, prepared

    spec = prepared.find(name)
    before = data.is_prepared(spec, size, cache) and not force
    folder = data.prepare(spec, size, archives, cache, force=force)
    found = data.load(spec, size, cache)
    say(f"{found.name} was prepared before; `--force` prepares it again", before)
    print(f"{found.name}: {len(found.labels):,} images, {len(found.class_names):,} classes")
    standing = inventory.standing(spec, int(found.images.shape[1]), found.digest)
    print(f"source: {found.source}\ndigest: {found.digest} ({standing})\nfolder: {folder}")


@data_commands.command()
def verify(
    name: Annotated[
        str | None, typer.Argument(help="Name of the dataset; all that are prepared if not given.")
    ] = None,
    size: options.ImageSize = None,
    cache: options.Cache = None,
) -> None:
    """Read every byte of the prepared data and compare it with its checksums."""
    from metabench import registry
    from metabench.data import arrays, inventory, prepared

    complaints = []
    entries = inventory.select(name, size, cache)
    if not entries:
        print("nothing is prepared")
    for entry in entries:
        complaint = inventory.damage(entry, name)
        if complaint:
            complaints.append(complaint)
            continue
        meta = arrays.read_meta(entry.folder) or {}
        spec = prepared.find(entry.name) if entry.name in registry.names("datasets") else None
        if spec is not None and spec.version != entry.version:
            spec = None
        standing = inventory.standing(spec, entry.size, meta["digest"])
        at = f"{entry.name} {entry.version}, {entry.size}×{entry.size}"
        print(f"{at}: verified, digest {meta['digest']} ({standing})")
    if complaints:
        raise UserError("; ".join(complaints))


@data_commands.command()
@computes
def show(
    name: Name,
    size: options.ImageSize = None,
    split: options.Split = None,
    part: options.Part = "test",
    way: options.Way = None,
    shot: options.Shot = None,
    query: options.Query = None,
    within_alphabet: options.WithinAlphabet = False,
    min_images: options.MinImages = None,
    index: options.EpisodeIndex = 0,
    out: options.SheetOut = None,
    force: options.Overwrite = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Draw some classes and one sampled episode on a contact sheet, a PNG file."""
    from pathlib import Path

    from metabench import data
    from metabench.data.small_classes import without_small
    from metabench.plots import contact_sheet
    from metabench.tasks.class_table import find_split
    from metabench.tasks.protocol_table import protocol_of

    if out is not None:
        check_out(out, ".png")
        check_picture(out, force)
    found = without_small(data.load_or_prepare(name, size, archives, cache), min_images)
    counts = {"way": way, "shot": shot, "query": query, "episodes": None}
    protocol = protocol_of(found, find_split(found, split), counts, part=part)
    protocol = replace(protocol, within_alphabet=within_alphabet)
    path = out or Path(f"{found.name}.png")
    contact_sheet.save(contact_sheet.draw(found, protocol, index), path)
    with told(path):
        print(f"contact sheet: {path}")
