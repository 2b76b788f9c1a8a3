"""`metabench statistician`: uses of the Neural Statistician that end in a picture and a JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from metabench.progress import say

statistician_commands = typer.Typer(
    help="Uses of the Neural Statistician: each writes a picture and a JSON.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@statistician_commands.callback()
def _group() -> None:
    """Keeps a group of one command a group."""


@statistician_commands.command()
def distributions(
    steps: Annotated[int, typer.Option(help="Training steps, each on 16 sets.")] = 3000,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    out: Annotated[Path, typer.Option(help="Picture to write; the JSON lies beside it.")] = Path(
        "distributions.png"
    ),
) -> None:
    """Learn one-dimensional distributions, and draw the space of their contexts."""
    from metabench.plots.contexts import context_space
    from metabench.results import check_writable
    from metabench.statistician import distributions as work

    check_writable(out)

    def progress(step: int, loss: float) -> None:
        say(f"step {step} of {steps}, {loss:.3f} nats", step % 500 == 0 or step == steps)

    found = work.measure(work.train(steps, seed, progress), seed)
    drawn = found.drawn
    context_space(
        found.contexts,
        {"family": drawn.family, "mean": drawn.mean, "variance": drawn.variance},
        work.FAMILIES,
        out,
    )
    document = {"steps": steps, "seed": seed, "sets": len(found.contexts), **found.figures}
    out.with_suffix(".json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    figures = ", ".join(f"{name} {value:.3f}" for name, value in found.figures.items())
    print(f"told by contexts: {figures}\npicture: {out}, figures: {out.with_suffix('.json')}")
