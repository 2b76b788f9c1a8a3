"""`metabench run`: train a learner, test it under a protocol, write the result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabench.cli import options
from metabench.cli.canaries import tell_canaries
from metabench.cli.command import command_line
from metabench.cli.outputs import check_replaceable, same_command, told
from metabench.cli.settings import parse_settings
from metabench.errors import UserError
from metabench.files.progress import say

if TYPE_CHECKING:
    from metabench.results.result import Result
    from metabench.tracks.fewshot.plan import Plan
    from metabench.tracks.fewshot.request import Request
    from metabench.training.view import RunView
    from metabench.types import EpisodeShape


def run(
    learner: options.Learner,
    way: options.Way = None,
    shot: options.Shot = None,
    query: options.Query = None,
    protocol: options.Kind = "kshot",
    presentations: options.Presentations = None,
    labels: options.LabelKind = None,
    independent: options.Independent = False,
    dataset: options.Dataset = "auto",
    split: options.Split = None,
    test_dataset: options.TestDataset = None,
    test_split: options.TestSplit = None,
    within_alphabet: options.WithinAlphabet = False,
    episodes: options.Episodes = None,
    image_size: options.ImageSize = None,
    min_images: options.MinImages = None,
    grey: options.Grey = False,
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    seeds_together: options.SeedsTogether = False,
    set_: options.Settings = None,
    train: options.Lengths = None,
    recipe: options.Recipe = None,
    out: options.Out = None,
    run_dir: options.RunDir = Path("runs"),
    resume: options.Resume = False,
    trained_for: options.TrainedFor = None,
    plots: options.Plots = False,
    canaries: options.Canaries = False,
    log: options.Logs = None,
    force: options.Overwrite = False,
    quiet: options.Quiet = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Train LEARNER, test it N-way k-shot or online, and write one result JSON."""
    from metabench.tracks.fewshot.request import Asked, Places, Request

    tested = Asked(
        dataset, way, shot, query, protocol, presentations, labels, split, test_dataset, test_split,
        within_alphabet, episodes, image_size, independent, min_images, grey)  # fmt: skip
    how = parse_settings(set_ or []), parse_settings(train or [], "--train"), recipe, seed, seeds
    request = Request(learner, tested, *how, trained_for, Places(run_dir, archives, cache, quiet))
    plan = _plan(request, out, resume, plots, force, log, seeds_together)
    _execute(plan, out, resume, quiet, plots, canaries, log, seeds_together)


def _plan(
    request: Request,
    out: Path | None,
    resume: bool,
    plots: bool,
    force: bool,
    logs: Sequence[str] | None,
    together: bool,
) -> Plan:
    """The run, checked."""
    from metabench import registry
    from metabench.files.publish import check_writable
    from metabench.scoring.traces import check_traceable
    from metabench.tracks.fewshot.checks import check_together
    from metabench.tracks.fewshot.request import plan_of
    from metabench.training.logs.log import check_logs

    check_logs(logs or ())
    registry.learner(request.learner)  # a wrong name is told before data is looked for
    check_writable(out if out is not None else Path("leaderboards") / "result.json")
    if resume and request.trained_for is not None:
        raise UserError("`resume` continues a training, `trained_for` begins none: leave one out")
    plan = plan_of(request)
    check_together(plan, together)
    if plots:
        check_traceable(plan.entry.name, plan.learner)
        _episodes_of(plan)
    check_replaceable(out, force, lambda there: same_command(there) or _is_of(plan, there))
    return plan


def _is_of(plan: Plan, there: Mapping[str, Any]) -> bool:
    """Whether a result file's document is of the same settings."""
    from metabench.results.document import default_path, from_json
    from metabench.tracks.fewshot.run import place

    try:
        found = from_json(json.dumps(there))
    except UserError:
        return False
    return default_path(found, Path()) == place(plan)


def _episodes_of(plan: Plan) -> EpisodeShape:
    """The shape of what inner steps are drawn on; `UserError` where the protocol has none."""
    from metabench.types import EpisodeShape

    if not isinstance(plan.shape, EpisodeShape):
        raise UserError("`plots` draws inner steps on k-shot episodes; leave it out of this one")
    return plan.shape


def _execute(
    plan: Plan,
    out: Path | None,
    resume: bool,
    quiet: bool,
    plots: bool,
    canaries: bool,
    logs: Sequence[str] | None,
    together: bool,
) -> None:
    """Run the plan, write the result and say where everything is."""
    from metabench.compute.hosts import first
    from metabench.files.publish import is_standard_output
    from metabench.results.document import default_path, write
    from metabench.tracks.fewshot.logging import logged_plan
    from metabench.tracks.fewshot.run import execute
    from metabench.training.view import RunView

    shown_here = first() and not quiet
    data = f"data {plan.dataset.name} ({plan.dataset.source}), digest {plan.dataset.digest[:12]}"
    say(f"{plan.protocol.id}: {plan.entry.name}, recipe {plan.recipe.name}, {data}", shown_here)
    logs_here = (logs or ()) if first() else ()
    shown = RunView(not shown_here)
    with shown as view, logged_plan(view.watcher(), logs_here, plan) as watcher:
        result = execute(
            plan,
            resume=resume,
            command=command_line(),
            watcher=watcher,
            canaries=canaries,
            together=together,
        )
    if not first():
        return
    path = out or default_path(result, Path("leaderboards"))
    write(result, path)
    with told(path):
        _tell(result)
        if result.canaries is not None:
            tell_canaries(result.canaries)
        if not is_standard_output(path):
            print(f"result: {path}")
        _draw_curves(plan, view)
    if plots:
        _draw(plan, out)


def _tell(result: Result) -> None:
    """Print the table."""
    from rich.console import Console

    from metabench.results import tables
    from metabench.results.diverged import warnings

    lines = tables.result_cells(result)
    print(f"{result.protocol.id}, dataset {result.dataset_digest[:12]}")
    Console().print(tables.table(tables.RESULT_HEAD, lines))
    print(*tables.presentation_lines(result), *tables.caption(result), sep="\n")
    for line in warnings(result):
        print(line)


def _draw_curves(plan: Plan, view: RunView) -> None:
    """The learning curves, if anything was trained."""
    from metabench.files.publish import write_text
    from metabench.plots.learning_curve import learning_curve
    from metabench.training.curves import as_csv

    if any(view.curves.values()):
        picture = plan.folder / "learning-curve.png"
        learning_curve(view.curves, f"{plan.entry.name} on {plan.protocol.id}", picture)
        write_text(picture.with_suffix(".csv"), as_csv(view.curves))
        print(f"learning curve: {picture}, and its numbers: {picture.with_suffix('.csv').name}")


def _draw(plan: Plan, out: Path | None) -> None:
    """The inner steps on test episodes, of the first seed."""
    from metabench.contracts.learner import EpisodeLearner
    from metabench.plots.inner_steps import inner_steps
    from metabench.scoring.traces import EPISODES, traced
    from metabench.tracks.fewshot.replan import training_of

    assert isinstance(plan.learner, EpisodeLearner), "its shape is that of episodes"
    state, table = training_of(plan).state, plan.tables["test"]
    found = traced(plan.learner, state, table, _episodes_of(plan), seed=plan.protocol.seed)
    picture = plan.folder / "inner-steps.png"
    title = f"{plan.entry.name} on {EPISODES} episodes of {plan.protocol.id}"
    inner_steps(found, title, picture)
    with told(out):
        print(f"inner steps: {picture}")
