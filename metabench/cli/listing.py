"""`metabench leaderboard | learners | backbones | datasets | protocols`: what there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import typer

from metabench.cli import board_options, html, options
from metabench.cli.outputs import check_page, told
from metabench.errors import UserError
from metabench.files.progress import say

if TYPE_CHECKING:
    from metabench.data.inventory import Entry
    from metabench.results.collected import Collected
    from metabench.results.exported import Format
    from metabench.results.filters import Filters
    from metabench.results.ranking import Board, Row

CLAIMED = "Figures are those of the result files, as claimed there: nothing was measured again."


def leaderboard(
    page: options.PageWord = None,
    folder: options.Results = Path("leaderboards"),
    protocol: options.ProtocolPart = None,
    markdown: options.Markdown = None,
    form: options.BoardFormat = "table",
    status: board_options.Status = None,
    transductive: board_options.Transductive = None,
    extra_data: board_options.ExtraData = None,
    pretrained: board_options.Pretrained = None,
    trained: board_options.Trained = None,
    max_parameters: board_options.MaxParameters = None,
    out: options.SiteOut = None,
    strict: options.Strict = False,
    force: options.Overwrite = False,
) -> None:
    """Print the ranking under each protocol, or write all results as one HTML page."""
    from metabench.results.filters import Filters

    filters = Filters(status, transductive, extra_data, pretrained, trained, max_parameters)
    if page is not None or form == html.FORMAT:
        html.check(page, form, protocol, markdown, filters)
        html.write(folder, out or html.SITE, strict, force)
        return
    if out is not None:
        raise UserError("`out` is the folder of the HTML page: say `metabench leaderboard html`")
    from metabench.results.collected import collect
    from metabench.results.exported import exported

    form = format_of(form, html.FORMAT)
    if markdown is not None:
        if form not in ("table", "markdown"):
            raise UserError("`markdown` names a file of the format markdown: leave `format` out")
        check_page(markdown, force)
    files = collect(folder)
    boards = _boards(folder, files, filters, protocol)
    if markdown is not None:
        _write_page(boards, markdown)
    elif form == "table":
        _print_boards(boards)
    else:
        print(exported(boards, form), end="")
    _tell_rest(files, strict)


def _tell_rest(files: Collected, strict: bool) -> None:
    """Name the files that are not ranked."""
    for sentence in files.left_out:
        say(f"left out: {sentence}")
    for sentence in files.copies:
        say(sentence)
    if strict and files.left_out:
        raise typer.Exit(1)


def format_of(word: str, *others: str) -> Format:
    """The form of this name; `text` is what `table` was called. `others` are named in the error."""
    from metabench.results.exported import Format

    known = get_args(Format)
    if word not in (*known, "text"):
        raise UserError(f"`format` is {word!r}; it must be one of: {', '.join((*known, *others))}")
    return "table" if word == "text" else cast(Format, word)


def _boards(
    folder: Path, files: Collected, filters: Filters, protocol: str | None
) -> dict[Board, list[Row]]:
    """The ranking under each protocol whose id holds `protocol`."""
    from metabench.results.collected import nothing
    from metabench.results.ranking import rank

    boards = rank(filters.keep(files.results))
    shown = {group: rows for group, rows in boards.items() if (protocol or "") in group.protocol}
    if not boards:
        raise nothing(folder, files)
    if not shown:
        found = ", ".join(sorted({group.protocol for group in boards}))
        raise UserError(f"`protocol` is {protocol!r}, but {folder} has results for: {found}")
    return shown


def _write_page(boards: Mapping[Board, Sequence[Row]], markdown: Path) -> None:
    """The Markdown page, and its pictures beside it."""
    from metabench.files.publish import is_stream, write_text
    from metabench.results import page

    write_text(markdown, page.markdown(boards))
    if not is_stream(markdown):
        _draw_online(boards, markdown.parent)
    with told(markdown):
        print(f"leaderboards: {markdown}")


def _print_boards(boards: Mapping[Board, Sequence[Row]]) -> None:
    """Tables for people."""
    from rich.console import Console

    from metabench.results import tables
    from metabench.results.quotes import quotes
    from metabench.results.ranking import titles

    console = Console()
    for board, title in titles(boards).items():
        rows = boards[board]
        shown = [tables.fitting(cells, console.width) for cells in tables.board_cells(rows)]
        head = tables.fitting(tables.BOARD_HEAD, console.width)
        print(f"{title}, dataset {board.dataset[:12]}")
        console.print(tables.table(head, shown))
        for heading, lines in quotes(tables.named(rows)):
            print(f"{heading}:", *(f"  {line}" for line in lines), "", sep="\n")
    print(tables.LEGEND, CLAIMED, sep="\n")


def _draw_online(boards: Mapping[Board, Sequence[Row]], folder: Path) -> None:
    """A picture of accuracy by presentation for each board of the online protocol."""
    from metabench.plots import presentations
    from metabench.results import page, tables
    from metabench.results.intervals import by_presentation
    from metabench.results.published_online import online_differences, published_online

    for board, rows in boards.items():
        protocol = rows[0].result.protocol
        if protocol.labels is not None:
            found = {name: by_presentation(one) for name, one in tables.named(rows).items()}
            papers = [] if online_differences(protocol) else published_online(protocol)
            path = folder / board.protocol / page.ONLINE_PICTURE
            presentations.by_presentation(found, papers, board.protocol, path)


def learners() -> None:
    """List the learners with their options."""
    from metabench import registry

    for name in registry.names("learners"):
        entry = registry.learner(name)
        print(f"{name}: {(entry.factory.__doc__ or '').strip().splitlines()[0]}")
        print(f"  from {entry.version}")
        for option, parameter in registry.options(name).items():
            print(f"  --set {option}={_written(parameter.default)}")


def backbones() -> None:
    """List the backbones with their options, for `--set backbone=…` of a learner."""
    from metabench import registry
    from metabench.contracts.options import options_of

    for name in registry.names("backbones"):
        entry = registry.backbone(name)
        print(f"{name}: {(entry.factory.__doc__ or '').strip().splitlines()[0]}")
        print(f"  from {entry.version}")
        for option, parameter in options_of(entry.factory).items():
            print(f"  {option}={_written(parameter.default)}")


def datasets(archives: options.Archives = None, cache: options.Cache = None) -> None:
    """List the datasets, their splits, and whether they are prepared or can be."""
    from metabench import data, registry
    from metabench.data import inventory

    known = [registry.dataset(name) for name in registry.names("datasets")]
    for spec in known:
        found = inventory.of_spec(spec, cache)
        state = "prepared" if data.is_prepared(spec, None, cache) else "not prepared"
        size = "×".join(map(str, spec.image))
        print(f"{spec.name}: {spec.description}")
        print(f"  version {spec.version}, {size} by default, {state}; licence: {spec.licence}")
        if found:
            print(f"  prepared sizes: {', '.join(map(_prepared, found))}")
        elif data.is_available(spec, None, archives, cache):
            print(f"  available: `metabench data prepare {spec.name}`")
        else:
            print("  not available: neither its archives nor their server were found")
        for split, read in spec.splits.items():
            parts = read()
            counts = ", ".join(
                f"{part} {len(classes) * parts.rotations:,}"
                for part, classes in parts.parts.items()
            )
            default = " (default)" if split == spec.default_split else ""
            print(f"  split {split}{default}: {counts} classes")
    current = {(spec.name, spec.version) for spec in known}
    others = [one for one in inventory.entries(cache) if (one.name, one.version) not in current]
    for one in others:
        print(f"{one.name}: version {one.version}, not registered\n  prepared: {_prepared(one)}")


def _prepared(entry: Entry) -> str:
    from metabench.data import arrays

    state = "" if arrays.read_meta(entry.folder) else ", not usable: see `metabench data verify`"
    return f"{entry.size}×{entry.size} ({entry.bytes / 1e6:,.1f} MB{state})"


def protocols(digests: options.Digests = False, cache: options.Cache = None) -> None:
    """List the frozen protocols."""
    from metabench import data, registry
    from metabench.tasks.kinds import task_digest
    from metabench.tasks.protocol_table import protocol_table, shape_of

    for protocol in registry.protocols():
        print(protocol.id)
        if digests and data.is_prepared(protocol.dataset, protocol.image_size, cache):
            found = data.load(protocol.dataset, protocol.image_size, cache)
            table, shape = protocol_table(found, protocol), shape_of(protocol, found)
            print(f"  dataset  {found.digest}")
            digest = task_digest(protocol.seed, table, shape, protocol.episodes)
            print(f"  episodes {digest}")


def _written(value: object) -> str:
    """A default as it would be typed."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
