"""`metabench forecast`: train a learner on functions, compare it with Gaussian processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabench.cli import options
from metabench.cli.command import command_line
from metabench.cli.outputs import beside, check_out, check_picture, check_replaceable, told
from metabench.cli.settings import parse_settings
from metabench.files.progress import say

if TYPE_CHECKING:
    from metabench.tracks.forecast.plan import ForecastPlan

STEPS = (2, 5, 10)  # of which the table tells, and the last


def forecast(
    learner: options.Learner,
    dimensions: options.Dimensions = 1,
    points: options.Points = 40,
    functions: options.Functions = 1000,
    seed: options.Seed = 0,
    set_: options.Settings = None,
    train: options.Lengths = None,
    recipe: options.Recipe = None,
    out: options.ForecastOut = None,
    run_dir: options.RunDir = Path("runs"),
    resume: options.Resume = False,
    force: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Train LEARNER to forecast functions, and write log-likelihoods by step and a picture."""
    from metabench import recipes, registry
    from metabench.tracks.forecast.plan import plan_forecast
    from metabench.training.lengths import check_seeds
    from metabench.types import FunctionShape

    registry.learner(learner)
    check_seeds(seed)
    plan = plan_forecast(
        learner,
        FunctionShape(dimensions, points),
        recipe=recipes.find_forecast(learner, dimensions, recipe),
        settings=parse_settings(set_ or []),
        lengths=parse_settings(train or [], "--train"),
        functions=functions,
        seed=seed,
        run_dir=run_dir,
    )
    path = plan.folder / f"result-seed{seed}.json" if out is None else out
    check_out(path, ".json")
    places = path, beside(path, ".png")
    if out is not None:
        check_replaceable(path, force)
        check_picture(places[1], force)
    _execute(plan, places, resume, quiet)


def _execute(
    plan: ForecastPlan, places: tuple[Path, Path | None], resume: bool, quiet: bool
) -> None:
    """Run the plan, write the result, and the picture where it has a place."""
    from metabench.files.canonical import canonical
    from metabench.files.publish import write_bytes, write_text
    from metabench.plots.forecasts import forecasts_picture
    from metabench.tracks.forecast.run import execute
    from metabench.training.view import LOG_LIKELIHOOD, RunView

    say(f"{plan.protocol}: {plan.entry.name}, recipe {plan.recipe.name}", not quiet)
    with RunView(quiet, LOG_LIKELIHOOD) as view:
        found = execute(plan, resume=resume, command=command_line(), watcher=view.watcher())
    path, picture = places
    title = f"{plan.entry.name} on {plan.protocol}"
    drawn = forecasts_picture(found.document, found.examples, title)
    write_text(path, canonical(found.document))
    if picture is not None:
        write_bytes(picture, drawn)
    with told(path):
        _tell(plan, found.document)
        print(f"result: {path}", *([] if picture is None else [f"picture: {picture}"]), sep="\n")


def _tell(plan: ForecastPlan, document: dict[str, Any]) -> None:
    """Print the table."""
    from rich.console import Console

    from metabench.results import tables

    steps = [*(step for step in STEPS if step < plan.shape.points), plan.shape.points]
    print(f"{plan.protocol}: log-likelihood in nats, mean over {plan.functions:,} functions")
    head = ("", "all steps", *(f"step {step}" for step in steps))
    Console().print(tables.table(head, _cells(document, steps)))


def _cells(document: dict[str, Any], steps: list[int]) -> list[tuple[str, ...]]:
    """A line for each method, and one for the learner's paired difference to the fitted process."""
    name = document["learner"]
    found = document["log_likelihood"]
    lines = {"learner": name, **{method: method for method in found if method != "learner"}}
    rows = [(shown, found[method]) for method, shown in lines.items()]
    rows.append((f"{name} - gp_fitted", document["learner_minus"]["gp_fitted"]))
    return [
        (
            shown,
            f"{row['mean']:.3f} ± {row['ci95']:.3f}",
            *(f"{row['by_step'][step - 1]:.3f}" for step in steps),
        )
        for shown, row in rows
    ]
