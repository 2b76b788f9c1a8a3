"""`metabench optimize`: train an LSTM optimizer, and hold it against tuned ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from metabench.cli import options
from metabench.cli.command import command_line
from metabench.cli.settings import parse_settings
from metabench.progress import say

if TYPE_CHECKING:
    from metabench.optimizees.contract import Optimizee
    from metabench.optimizing.work import Training

Task = Annotated[str, Option(help="What is optimised: quadratic, mnist-mlp, …; see the docs.")]
Settings = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="NAME=VALUE",
        help="Of the LSTM or its training, over the recipe's; may be repeated.",
    ),
]
Seed = Annotated[int, Option(help="Of everything random in training.")]
Recipe = Annotated[str | None, Option(help="Path of a .toml file; the task's own if not given.")]

optimize_commands = typer.Typer(
    help="Learned optimizers: `train` one, `evaluate` it beside SGD, NAG, RMSprop and Adam.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@optimize_commands.command()
def train(
    task: Task,
    set_: Settings = None,
    seed: Seed = 0,
    recipe: Recipe = None,
    run_dir: options.RunDir = Path("runs"),
    resume: options.Resume = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
) -> None:
    """Meta-train the LSTM optimizer on TASK, and write it to a file."""
    training, optimizee = _prepared(task, set_, seed, recipe, run_dir, archives, cache, quiet)
    _train(training, optimizee, resume, quiet)
    print(f"optimizer: {training.file(optimizee.digest)}")


def _prepared(
    task: str,
    settings: list[str] | None,
    seed: int,
    recipe: str | None,
    run_dir: Path,
    archives: Path | None,
    cache: Path | None,
    quiet: bool,
) -> tuple[Training, Optimizee]:
    """The training, checked before any data is read, and its optimizee."""
    from metabench.optimizees.tasks import build, check_task
    from metabench.optimizing.work import plan_training

    check_task(task)
    training = plan_training(task, recipe, parse_settings(settings or []), seed, run_dir)
    return training, build(task, archives, cache, not quiet)


def _train(training: Training, optimizee: Optimizee, resume: bool, quiet: bool) -> None:
    from metabench.cli.view import FINAL_LOSS, RunView
    from metabench.optimizing import work

    say(f"{training.task}: lstm, recipe {training.recipe}", not quiet)
    with RunView(quiet, FINAL_LOSS) as view:
        work.train(
            training, optimizee, resume=resume, command=command_line(), watcher=view.watcher()
        )
