"""`metabench statistician`: uses of the Neural Statistician that end in a picture and a JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabench.cli import options
from metabench.cli.command import command_line
from metabench.cli.computing import computes
from metabench.cli.outputs import beside, check_out, check_picture, check_replaceable, told
from metabench.errors import UserError
from metabench.files.progress import say
from metabench.files.publish import write_text

if TYPE_CHECKING:
    from metabench.nets.functional import Functional
    from metabench.results.result import Result
    from metabench.tracks.fewshot.plan import Plan

LEARNER = "neural_statistician"

statistician_commands = typer.Typer(
    help="Uses of the Neural Statistician: each writes a picture and a JSON.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@statistician_commands.command()
@computes
def distributions(
    steps: Annotated[int, typer.Option(help="Training steps, each on 16 sets.")] = 3000,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    out: Annotated[
        Path, typer.Option(help="Picture to write, *.png; the JSON lies beside it.")
    ] = Path("distributions.png"),
    force: options.Overwrite = False,
) -> None:
    """Learn one-dimensional distributions and draw their contexts."""
    from metabench.plots.contexts import context_space
    from metabench.tracks.statistician import distributions as work

    figures_file = _checked(out, seed, force)
    found = work.measure(work.train(steps, seed, _progress(steps)), seed)
    drawn = found.drawn
    context_space(
        found.contexts,
        {"family": drawn.family, "mean": drawn.mean, "variance": drawn.variance},
        work.FAMILIES,
        out,
    )
    document = {"steps": steps, "seed": seed, "sets": len(found.contexts), **found.figures}
    figures = ", ".join(f"{name} {value:.3f}" for name, value in found.figures.items())
    _write(document, out, figures_file, f"predicted from the contexts: {figures}")


@statistician_commands.command()
@computes
def summarize(
    steps: Annotated[int, typer.Option(help="Training steps, each on 16 sets.")] = 3000,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    greedy: Annotated[
        str,
        typer.Option(
            help="`discard` removes one point after the other from all; `take` adds one after the "
            "other."
        ),
    ] = "discard",
    out: Annotated[
        Path, typer.Option(help="Picture to write, *.png; the JSON lies beside it.")
    ] = Path("spatial-mnist.png"),
    force: options.Overwrite = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Learn Spatial MNIST, digits as 50 points, and summarise sets by six of their points."""
    from metabench import data
    from metabench.plots.point_sets import point_sets
    from metabench.tracks.statistician import spatial_mnist as work
    from metabench.tracks.statistician.summaries import check_greedy

    figures_file = _checked(out, seed, force)
    way = check_greedy(greedy)
    images = data.load_or_prepare("mnist", None, archives, cache).images[:, :, :, 0]
    params = work.train(images, steps, seed, _progress(steps))
    found = work.measure(params, images, seed, greedy=way)
    shown = range(0, len(found.points), len(found.points) // 10)
    rows = {
        "50 points": [found.points[i] for i in shown],
        "six of them": [found.points[i][found.chosen[i]] for i in shown],
        "given all": [found.samples[i] for i in shown],
        "given the six": [found.samples_of_summary[i] for i in shown],
    }
    point_sets(rows, out)
    asked = {"steps": steps, "seed": seed, "greedy": way, "sets": len(found.points)}
    nearest, random = found.figures["divergence_of_greedy"], found.figures["divergence_of_random"]
    line = f"KL to the whole after one to six points: {nearest}; of six at random: {random}"
    _write({**asked, **found.figures}, out, figures_file, line)


@statistician_commands.command("sample")
@computes
def sample_sets(
    result: Annotated[
        Path, typer.Option(help="Result file of a `neural_statistician`, whose training is used.")
    ],
    sets: Annotated[int, typer.Option(help="Test classes, one set of each.")] = 8,
    members: Annotated[int, typer.Option(help="Images in a set.")] = 5,
    size: Annotated[
        int, typer.Option(help="Images to frame in each set, those that describe it best.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Of sets and samples.")] = 0,
    out: Annotated[
        Path, typer.Option(help="Picture to write, *.png; the JSON lies beside it.")
    ] = Path("samples.png"),
    force: options.Overwrite = False,
    run_dir: options.RunDir = Path("runs"),
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Draw new images given sets of test classes, and frame those that describe each set best."""
    from metabench.plots.image_sets import image_sets
    from metabench.results import document as results
    from metabench.tracks.fewshot.replan import training_of
    from metabench.tracks.statistician import image_sets as work

    figures_file = _checked(out, seed, force)
    behind = results.read(result)
    if behind.learner != LEARNER:
        raise UserError(f"`result` is of {behind.learner}; it must be one of {LEARNER}")
    plan = _plan(behind, run_dir, archives, cache)
    images = work.draw_sets(plan.tables["test"], sets, members, seed)
    state = training_of(plan).state
    found = work.measure(_network(plan), state.params, state.stats, images, size, seed)
    image_sets(found, out)
    document = {
        "result": result.name,
        "protocol": behind.protocol.id,
        "seed": seed,
        "taken": found.chosen.tolist(),
        "divergence": found.divergence.tolist(),
        "divergence_of_the_others": found.others.tolist(),
    }
    best, others = found.divergence[:, 0].mean(), found.others.mean()
    line = (
        f"KL(set ‖ one image): {best:.1f} nats for the framed images, {others:.1f} for the others"
    )
    _write(document, out, figures_file, line)


def _plan(behind: Result, run_dir: Path, archives: Path | None, cache: Path | None) -> Plan:
    """That of the run behind a result, with its data."""
    from metabench.tracks.fewshot.replan import planned
    from metabench.tracks.fewshot.request import Places

    return planned(behind, None, Places(run_dir, archives, cache))


def _network(plan: Plan) -> Functional:
    from dataclasses import fields

    from metabench.learners.sets.neural_statistician import ModelOptions, network_of

    names = {one.name for one in fields(ModelOptions)} & plan.hyperparameters.keys()
    model = ModelOptions(**{name: plan.hyperparameters[name] for name in names})
    return network_of(plan.shape.image, model.network, model.width, model.sizes)


def _progress(steps: int) -> Callable[[int, float], None]:
    def tell(step: int, loss: float) -> None:
        say(f"step {step} of {steps}, {loss:.3f} nats", step % 500 == 0 or step == steps)

    return tell


def _checked(out: Path, seed: int, force: bool) -> Path | None:
    """Where the figures go; None where `out` is a stream. `UserError` on what cannot be."""
    from metabench.training.lengths import check_seeds

    check_seeds(seed)
    check_out(out, ".png")
    figures_file = beside(out, ".json")
    check_picture(out, force)
    check_replaceable(figures_file, force)
    return figures_file


def _write(document: dict[str, Any], out: Path, figures_file: Path | None, line: str) -> None:
    """Write the figures as JSON beside the picture, and print `line` and where both are."""
    document = {**document, "command": command_line()}
    if figures_file is not None:
        write_text(figures_file, json.dumps(document, indent=2, sort_keys=True) + "\n")
    with told(out):
        print(line)
        print(f"picture: {out}" + ("" if figures_file is None else f", figures: {figures_file}"))
