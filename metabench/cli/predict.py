"""`metabench predict`: classify images of one's own by a trained learner."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabench.cli import options
from metabench.cli.outputs import beside, check_out, check_picture, check_table, told

if TYPE_CHECKING:
    from metabench.tracks.fewshot.predict import Predictions

HEAD = "image,class,probability"  # how a table begins
SHOWN = 40  # images in the printed table


def predict(
    result: Annotated[Path, typer.Option(help="Result file of a run, whose training is used.")],
    support: Annotated[
        Path, typer.Option(help="Folder of examples: a folder of images for each class.")
    ],
    query: Annotated[
        Path, typer.Option(help="Folder of images to classify, or of folders with images.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Table to write, *.csv, with a picture *.png beside it; `-`: standard output."
        ),
    ] = Path("predictions.csv"),
    dataset: Annotated[
        str | None,
        typer.Option(help="What the learner was trained on, where that is a folder of your own."),
    ] = None,
    run_dir: options.RunDir = Path("runs"),
    force: options.Overwrite = False,
    quiet: options.Quiet = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Classify images of your own by a trained learner, from a few examples of each class."""
    from metabench.api import predicted
    from metabench.files.publish import write_text
    from metabench.plots.predictions import predictions
    from metabench.results import document
    from metabench.tracks.fewshot.request import Places

    check_out(out, ".csv")
    check_table(out, HEAD, force)
    picture = beside(out, ".png")
    check_picture(picture, force)
    behind = document.read(result)
    known = {} if dataset is None else {"dataset": dataset}
    places = Places(run_dir, archives, cache, quiet)
    examples, found = predicted(behind, support, query, None, places, known)
    write_text(out, _table(found))
    with told(out):
        _show(found)
        print(f"table: {out}")
        if picture is not None:
            predictions(examples, found, picture)
            print(f"picture: {picture}")


def _table(found: Predictions) -> str:
    """One line for each image: the class, its probability, and those of all classes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*HEAD.split(","), *(f"p({name})" for name in found.classes)))
    for name, answer, row in zip(found.names, found.answers, found.probabilities, strict=True):
        writer.writerow((name, answer, f"{row.max():.6f}", *(f"{p:.6f}" for p in row)))
    return text.getvalue()


def _show(found: Predictions) -> None:
    """The first images; the accuracy where the images lie in folders with the classes' names."""
    width = max(map(len, found.names[:SHOWN]))
    lines = list(zip(found.names, found.answers, found.probabilities, strict=True))
    for name, answer, row in lines[:SHOWN]:
        print(f"{name:<{width}}  {answer}  {100 * row.max():.1f} %")
    if len(found.names) > SHOWN:
        print(f"… and {len(found.names) - SHOWN:,} more")
    truth = [Path(name).parent.name for name in found.names]
    if set(truth) <= set(found.classes):
        right = sum(a == b for a, b in zip(truth, found.answers, strict=True))
        print(f"right, by the names of the folders: {right:,} of {len(truth):,}")
