"""`metabench causal`: which of two variables is the cause, from the speed of adaptation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabench.cli import options
from metabench.cli.command import command_line
from metabench.cli.computing import computes
from metabench.cli.outputs import beside, check_out, check_picture, check_replaceable, told

if TYPE_CHECKING:
    from metabench.tracks.causal.plan import DirectionPlan, RotationPlan

causal_commands = typer.Typer(
    help="Tell causes from effects by the speed of adaptation: each writes a JSON and a picture.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
Seeds = Annotated[int, typer.Option(help="How many seeds, from 0, each with a world of its own.")]


@causal_commands.command()
@computes
def direction(
    categories: Annotated[int, typer.Option(help="Values of each variable.")] = 10,
    change: Annotated[
        str,
        typer.Option(
            help="What a transfer distribution draws anew: `cause`, its distribution; `mechanism`, "
            "the effect's given the cause; `all`, the joint distribution, a control."
        ),
    ] = "cause",
    seeds: Seeds = 20,
    episodes: Annotated[int, typer.Option(help="Steps of the structural parameter.")] = 1000,
    out: Annotated[
        Path, typer.Option(help="Result to write, *.json; the picture lies beside it.")
    ] = Path("causal-direction.json"),
    force: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Learn which of two discrete variables is the cause."""
    from metabench.tracks.causal.plan import direction_plan

    _execute(direction_plan(categories, change, seeds, episodes), out, force, quiet)


@causal_commands.command()
@computes
def rotation(
    seeds: Seeds = 8,
    episodes: Annotated[
        int, typer.Option(help="Steps of the encoder and of the structural parameter.")
    ] = 300,
    out: Annotated[
        Path, typer.Option(help="Result to write, *.json; the picture lies beside it.")
    ] = Path("causal-rotation.json"),
    force: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Learn the rotation that turns two observed variables into cause and effect."""
    from metabench.tracks.causal.plan import rotation_plan

    _execute(rotation_plan(seeds, episodes), out, force, quiet)


def _execute(plan: DirectionPlan | RotationPlan, out: Path, force: bool, quiet: bool) -> None:
    """Check where things go, measure, write, and print the figures."""
    from metabench.files.canonical import canonical
    from metabench.files.progress import progress
    from metabench.files.publish import write_bytes, write_text
    from metabench.plots.causal import causal_picture
    from metabench.tracks.causal.run import execute, work_of

    check_out(out, ".json")
    picture = beside(out, ".png")
    check_replaceable(out, force)
    check_picture(picture, force)
    with progress(f"{plan.protocol}, {len(plan.seeds)} seeds", work_of(plan), not quiet) as advance:
        document = execute(plan, command_line(), advance)
    drawn = causal_picture(document)
    write_text(out, canonical(document))
    if picture is not None:
        write_bytes(picture, drawn)
    with told(out):
        _tell(document)
        print(f"result: {out}", *([] if picture is None else [f"picture: {picture}"]), sep="\n")


def _tell(document: dict[str, Any]) -> None:
    """Print the last belief, how many seeds are right, and the angle or the speed."""
    belief, right = document["belief"], document["right"]
    print(
        f"{document['protocol']['id']}: belief in the true direction after "
        f"{belief['episodes'][-1]:,} episodes {belief['mean'][-1]:.3f} ± {belief['ci95'][-1]:.3f}, "
        f"right in {right['count']} of {right['of']} seeds "
        f"({right['low']:.0%} to {right['high']:.0%})"
    )
    if "angle" in document:
        angle = document["angle"]
        print(
            f"encoder: {angle['mean'][-1]:.3f} ± {angle['ci95'][-1]:.3f} radians from the nearest "
            f"true one ({angle['mean'][0]:.3f} after the first episode)"
        )
    else:
        rows = document["adaptation"]
        forward, backward = (rows[name]["mean"][-1] for name in ("forward", "backward"))
        print(
            f"KL to the transfer distribution after {rows['examples'][-1]} examples: {forward:.3f} "
            f"nats for the true direction, {backward:.3f} for the other"
        )
