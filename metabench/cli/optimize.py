"""`metabench optimize`: train an LSTM optimizer, and compare it with tuned ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from typer import Context, Option

from metabench.cli import device_options, options
from metabench.cli.command import command_line
from metabench.cli.computing import computes
from metabench.cli.optimizer_table import show
from metabench.cli.outputs import beside, check_out, check_picture, check_replaceable, told
from metabench.cli.settings import parse_settings
from metabench.errors import UserError
from metabench.files.progress import progress, say

if TYPE_CHECKING:
    from metabench.contracts.optimizee import Optimizee
    from metabench.learned_optimizers.lstm.files import TrainedOptimizer
    from metabench.tracks.optimizers.evaluation import Asked
    from metabench.tracks.optimizers.work import Training

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
Instances = Annotated[
    int | None, Option(help="Test instances: 100, or 1,000 of the quadratics, if not given.")
]
Multiples = Annotated[
    str, Option(help="Of the trained horizon: numbers of steps after which losses are measured.")
]
Files = Annotated[
    list[Path] | None,
    Option(
        "--optimizer",
        help="A trained optimizer, or several that differ in their seed, by repeating it; that of "
        "the task's own recipe if not given.",
    ),
]
Seeds = Annotated[int, Option(help="How many trainings, of seeds SEED, SEED + 1, …")]
ResetEvery = Annotated[
    str,
    Option(
        help="Also run the LSTM with its state beginning anew after so many steps, which is ours: "
        "a number, `tune` (chosen on the tuning instances), or `none`."
    ),
]
Out = Annotated[
    Path | None,
    Option(
        help="Result file to write, *.json, with a picture *.png beside it, or `-` for standard "
        "output; <optimizer>-on-<task>.json beside the trained optimizer if not given."
    ),
]

LEARNED = ("lstm",)  # optimizers that can be trained

optimize_commands = typer.Typer(
    help="Learned optimizers: `train` one, `evaluate` it beside SGD, NAG, RMSprop and Adam; with "
    "`--task` alone both.",
    rich_markup_mode=None,
    add_completion=False,
)


class Places(NamedTuple):
    """Where things are."""

    run_dir: Path
    archives: Path | None
    cache: Path | None
    quiet: bool


class Wanted(NamedTuple):
    """What is asked of an evaluation."""

    instances: int | None
    multiples: str
    out: Path | None
    reset_every: str
    force: bool


@optimize_commands.callback(invoke_without_command=True)
def optimize(
    context: Context,
    optimizer: Annotated[str, Option(help="`lstm`, the one that there is.")] = "lstm",
    task: Annotated[str | None, Option(help="Train on it, unless that was done, and test.")] = None,
    set_: Settings = None,
    seed: Seed = 0,
    seeds: Seeds = 1,
    recipe: Recipe = None,
    instances: Instances = None,
    multiples: Multiples = "1,2,10",
    reset_every: ResetEvery = "tune",
    out: Out = None,
    force: options.Overwrite = False,
    run_dir: options.RunDir = Path("runs"),
    archives: options.Archives = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
    devices: device_options.Devices = None,
) -> None:
    """Train the LSTM optimizer on a task unless that was done, and evaluate it there."""
    if context.invoked_subcommand is not None:
        if task is not None:
            raise UserError(f"`task` stands after the command: {context.invoked_subcommand} --task")
        return
    if task is None:
        raise UserError("`task` is missing; `metabench optimize --help` lists the tasks")
    if optimizer not in LEARNED:
        raise UserError(f"`optimizer` is {optimizer!r}; it must be one of: {', '.join(LEARNED)}")
    wanted = Wanted(instances, multiples, out, reset_every, force)
    places = Places(run_dir, archives, cache, quiet)
    together = range(seed, seed + seeds)
    _train_and_evaluate(task, recipe, set_, together, wanted, places, devices=devices)


@optimize_commands.command()
@computes
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
    training = _training(task, recipe, set_, seed, run_dir)
    optimizee = _optimizee(task, Places(run_dir, archives, cache, quiet))
    _train(training, optimizee, resume, quiet)
    print(f"optimizer: {training.file(optimizee.digest)}")


@optimize_commands.command()
@computes
def evaluate(
    task: Task,
    optimizer: Files = None,
    instances: Instances = None,
    multiples: Multiples = "1,2,10",
    reset_every: ResetEvery = "tune",
    out: Out = None,
    force: options.Overwrite = False,
    run_dir: options.RunDir = Path("runs"),
    archives: options.Archives = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
) -> None:
    """Measure a trained optimizer on TASK beside the tuned ones; it may be trained on another."""
    from metabench.learned_optimizers.lstm.files import read
    from metabench.learned_optimizers.problems.tasks import check_task
    from metabench.tracks.optimizers.learned_runs import check_alike

    check_task(task)
    places = Places(run_dir, archives, cache, quiet)
    asked = Wanted(instances, multiples, out, reset_every, force)
    if optimizer:
        trainings = [read(file) for file in optimizer]
        check_alike(trainings)
        wanted = _checked(asked, trainings[0].horizon, task)
        _evaluate(wanted, _optimizee(task, places), optimizer, out, places)
        return
    training = _training(task, None, None, 0, run_dir)
    wanted = _checked(asked, training.plan.horizon, task)
    optimizee = _optimizee(task, places)
    file = training.file(optimizee.digest)
    if not file.is_file():
        raise UserError(
            f"`optimizer` is not given, and {file} is not there; "
            f"train it with `metabench optimize train --task {task}`"
        )
    _evaluate(wanted, optimizee, [file], out, places)


@computes
def _train_and_evaluate(
    task: str,
    recipe: str | None,
    settings: list[str] | None,
    seeds: range,
    wanted: Wanted,
    places: Places,
) -> None:
    from metabench.tracks.optimizers.memory import check_memory
    from metabench.training.lengths import check_seeds

    check_seeds(seeds.start, len(seeds))
    trainings = [_training(task, recipe, settings, seed, places.run_dir) for seed in seeds]
    asked = _checked(wanted, trainings[0].plan.horizon, task)
    optimizee = _optimizee(task, places)
    check_memory(asked, optimizee, len(seeds))
    files = [one.file(optimizee.digest) for one in trainings]
    for training, file in zip(trainings, files, strict=True):
        if not file.is_file():
            _train(training, optimizee, True, places.quiet)
    _evaluate(asked, optimizee, files, wanted.out, places)


def _training(
    task: str, recipe: str | None, settings: list[str] | None, seed: int, run_dir: Path
) -> Training:
    """Checked before any data is read."""
    from metabench.learned_optimizers.problems.tasks import check_task
    from metabench.tracks.optimizers.work import plan_training

    check_task(task)
    return plan_training(task, recipe, parse_settings(settings or []), seed, run_dir)


def _checked(wanted: Wanted, horizon: int, task: str) -> Asked:
    """What is evaluated, checked before anything is trained."""
    from metabench.tracks.optimizers.evaluation import asked, multiples_of

    if wanted.out is not None:
        check_out(wanted.out, ".json")
        check_picture(beside(wanted.out, ".png"), wanted.force)
        check_replaceable(wanted.out, wanted.force)
    text = wanted.reset_every
    every = None if text == "none" else int(text) if text.isdecimal() else text
    return asked(task, wanted.instances, multiples_of(wanted.multiples), horizon, every)


def _optimizee(task: str, places: Places) -> Optimizee:
    from metabench.learned_optimizers.problems.tasks import build

    return build(task, places.archives, places.cache, not places.quiet)


def _train(training: Training, optimizee: Optimizee, resume: bool, quiet: bool) -> None:
    from metabench.tracks.optimizers import work
    from metabench.training.view import FINAL_LOSS, RunView

    say(f"{training.task}: lstm, recipe {training.recipe}", not quiet)
    with RunView(quiet, FINAL_LOSS) as view:
        work.train(
            training, optimizee, resume=resume, command=command_line(), watcher=view.watcher()
        )


def _evaluate(
    wanted: Asked, optimizee: Optimizee, files: list[Path], out: Path | None, places: Places
) -> None:
    """Tune, run, write the result and a picture, print a table."""
    from metabench.files.canonical import canonical
    from metabench.files.publish import write_bytes, write_text
    from metabench.learned_optimizers.lstm.baselines import BASELINES
    from metabench.learned_optimizers.lstm.files import read
    from metabench.plots.optimizers import loss_curves
    from metabench.tracks.optimizers.evaluation import evaluate as measure
    from metabench.tracks.optimizers.memory import check_memory
    from metabench.tracks.optimizers.rates import rates

    check_memory(wanted, optimizee, len(files))
    trainings: list[TrainedOptimizer] = [read(file) for file in files]
    stem = files[0].stem if len(files) == 1 else f"{len(files)}-seeds"
    path = out or files[0].with_name(f"{stem}-on-{wanted.task}.json")
    check_out(path, ".json")
    picture = beside(path, ".png")
    shown = not places.quiet
    with progress("tuning the baselines", len(BASELINES), shown) as advance:
        tuned = rates(wanted.task, optimizee, wanted.stops, places.run_dir, advance)
    with progress(f"testing on {wanted.task}", 1 + len(BASELINES), shown) as advance:
        found = measure(
            wanted, optimizee, trainings, tuned, command=command_line(), progress=advance
        )
    drawn = loss_curves(found.document, f"{wanted.task}, lstm trained on {trainings[0].task}")
    write_text(path, canonical(found.document))
    if picture is not None:
        write_bytes(picture, drawn)
    with told(path):
        show(found.document)
        print(f"result: {path}", *([] if picture is None else [f"picture: {picture}"]), sep="\n")
