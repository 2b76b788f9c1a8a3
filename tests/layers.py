"""The rows of the package, from the top down: a module imports only from rows below its own.

`tests/test_layers.py` holds the imports to these rows, and the table in
`docs/architecture.md` is written from them:

    python -m tests.layers --write   # writes the table again
    python -m tests.layers           # fails where the committed table differs
"""

import argparse
import sys
from typing import NamedTuple

from tests.places import ROOT

PACKAGE = ROOT / "metabench"
DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- Written by `python -m tests.layers --write` from tests/layers.py. -->"
END = "<!-- End of the written table. -->"


class Row(NamedTuple):
    """One row: folders or modules of `metabench/`, what lives there, and what may not."""

    units: tuple[str, ...]
    holds: str


ROWS = (
    Row(("__main__",), "`python -m metabench` is the console command."),
    Row(
        ("cli",),
        "The console command: parsing of arguments, wiring, and what a run prints. Nothing is "
        "computed here.",
    ),
    Row(
        ("page",),
        "All results as one HTML page: views of each track, the template, its style and script. No "
        "ranking, no drawing.",
    ),
    Row(
        ("plots",),
        "Pictures, one file for each kind, contact sheets among them. No ranking and no training.",
    ),
    Row(
        ("api",),
        "What the command line can do, in Python: `run`, `evaluate`, `save`. It prints nothing but "
        "progress.",
    ),
    Row(
        ("sweeps",),
        "Many runs from one grid file: planned, run by one of `executors/`, resumed, and summed up "
        "by validation. It trains by `tracks/`, and prints nothing but progress.",
    ),
    Row(
        ("guard",),
        "Committed results made again, and a verdict on each: which accuracies dropped. It trains "
        "by `tracks/`, and prints nothing.",
    ),
    Row(
        ("entries",),
        "What is submitted: an entry's folder, how it is made, read without running its code, "
        "verified, and accepted into the boards.",
    ),
    Row(
        ("tracks",),
        "Kinds of runs, each from a plan to a result document: `fewshot/`, `forecast/`, "
        "`optimizers/`, `statistician/`, `causal/`. No track imports another, and none prints.",
    ),
    Row(
        ("conformance",),
        "The checks that every plug-in must pass, shipped for third parties. No plug-in is known "
        "here by name, but for the dataset that the checks draw from.",
    ),
    Row(
        ("datasets",),
        "One folder for each dataset: how its archives are read, and its class splits. No dataset "
        "imports another; `builders.py` and `make_splits.py` stand above the folders.",
    ),
    Row(("recipes",), "Finding and reading the committed hyperparameters of a benchmark."),
    Row(
        ("learned_optimizers",),
        "`problems/`, what learned optimizers are trained and measured on, and `lstm/`, the "
        "optimizer, its gradient and its files. No plans, no result documents.",
    ),
    Row(
        ("learners",),
        "One algorithm, one file, one keyword factory, in families. A family imports `common/` "
        "and no other family. No data, no files, no logging.",
    ),
    Row(
        ("backbones",),
        "Networks that embed images, each a factory of a `Backbone`, for any learner. The modules "
        "that they are made of are in `nets/`.",
    ),
    Row(
        ("data",),
        "Archives to memory-mapped arrays and back into memory: download, checks, inventory, "
        "splits, and the `readers/` of file formats. `load` imports no dataset library.",
    ),
    Row(
        ("training",),
        "The training loop, its lengths and checkpoints, what it starts from, and how it is shown. "
        "No branch for any learner.",
    ),
    Row(
        ("results",),
        "The result document and its schema, where it was measured, ranking, tables, and the "
        "figures of papers. Nothing is measured here.",
    ),
    Row(
        ("registry",),
        "Plug-ins by name, through entry points, and how a learner is built. It knows no plug-in.",
    ),
    Row(
        ("unpackaged",),
        "Learners that no package registers: a function at hand, in a file, or in a module.",
    ),
    Row(
        ("scoring",),
        "What is counted: right answers in episodes and streams, the density of a function's "
        "points, traces of `adapt`, canaries. Nothing is trained here.",
    ),
    Row(
        ("contracts",),
        "What a plug-in must be: a learner and its options, a backbone, a dataset, an optimizee. "
        "No plug-in is known here.",
    ),
    Row(
        ("tasks",),
        "Samplers of episodes, streams and functions, pure and on the device; class tables; "
        "protocols and their digests. No networks; the only file read is that of the protocols.",
    ),
    Row(
        ("nets",),
        "Flax NNX modules and the operations under them. No training, no tasks.",
    ),
    Row(
        ("files",),
        "Where files lie, how they are written whole or not at all, canonical JSON, progress. "
        "It knows nothing of their content.",
    ),
    Row(
        ("compute",),
        "Devices, hosts, how work is spread over them, memory, and the choice between native and "
        "hand-written operations.",
    ),
    Row(("optional",), "Packages of the optional extras, imported by those who need them."),
    Row(
        ("types", "errors", "seeds"),
        "The nouns, the errors that a user sees, and random keys. They import nothing of ours, "
        "each other included.",
    ),
)
LEVEL = {unit: len(ROWS) - number for number, row in enumerate(ROWS) for unit in row.units}


def table() -> str:
    """The rows in Markdown, the top first."""
    lines = ["| room | what lives there, and what may not |", "|---|---|"]
    for row in ROWS:
        rooms = ", ".join(f"`{name_of(unit)}`" for unit in row.units)
        lines.append(f"| {rooms} | {row.holds} |")
    return "\n".join(lines)


def name_of(unit: str) -> str:
    """`tasks/` for a folder, `registry.py` for a module."""
    return f"{unit}/" if (PACKAGE / unit).is_dir() else f"{unit}.py"


def with_table(text: str) -> str:
    """The document with its table as the rows have it; what stands around it is kept."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{DOCUMENT.name} has lost the lines around its table of rows")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main() -> None:
    """Compare the committed table with the rows, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.layers")
    parser.add_argument("--write", action="store_true", help="write the table again")
    write = parser.parse_args().write
    committed = DOCUMENT.read_text(encoding="utf-8")
    fresh = with_table(committed)
    if write:
        DOCUMENT.write_text(fresh, encoding="utf-8")
    elif fresh != committed:
        sys.exit("The table in docs/architecture.md is old: run `python -m tests.layers --write`")


if __name__ == "__main__":
    main()
