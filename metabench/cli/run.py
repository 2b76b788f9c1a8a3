"""`metabench run`: train a learner, test it under a protocol, write the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metabench.cli import options
from metabench.cli.command import command_line
from metabench.cli.settings import parse_settings
from metabench.errors import UserError
from metabench.files.progress import say


def run(
    learner: options.Learner,
    way: options.Way = None,
    shot: options.Shot = None,
    query: options.Query = None,
    protocol: options.Kind = "kshot",
    presentations: options.Presentations = None,
    labels: options.LabelKind = None,
    dataset: options.Dataset = "auto",
    split: options.Split = None,
    test_dataset: options.TestDataset = None,
    test_split: options.TestSplit = None,
    within_alphabet: options.WithinAlphabet = False,
    episodes: options.Episodes = None,
    image_size: options.ImageSize = None,
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    set_: options.Settings = None,
    train: options.Lengths = None,
    recipe: options.Recipe = None,
    out: options.Out = None,
    run_dir: options.RunDir = Path("runs"),
    resume: options.Resume = False,
    trained_for: options.TrainedFor = None,
    plots: options.Plots = False,
    quiet: options.Quiet = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Train LEARNER, test it N-way k-shot or online, and write one result JSON."""
    from metabench import recipes, registry
    from metabench.cli.measured import Asked, measured, online_of
    from metabench.files.publish import check_writable
    from metabench.scoring.traces import check_traceable
    from metabench.tracks.fewshot.plan import plan_run

    registry.learner_factory(learner)  # a wrong name is told before data is looked for
    settings, lengths = parse_settings(set_ or []), parse_settings(train or [], "--train")
    check_writable(out if out is not None else Path("leaderboards") / "result.json")
    check_counts(seed=seed, seeds=seeds)
    if resume and trained_for is not None:
        raise UserError("`resume` continues a training, `trained_for` begins none: leave one out")
    online = online_of(protocol, presentations, labels, shot=shot, query=query)
    asked = Asked(dataset, split, test_dataset, test_split, within_alphabet, image_size, online)
    counts = {"way": way, "shot": shot, "query": query, "episodes": episodes}
    chosen, tested, training = measured(asked, counts, archives, cache, quiet)
    plan = plan_run(
        learner,
        chosen,
        tested,
        training=training,
        recipe=recipes.find(training.name, learner, chosen.way, chosen.shot, recipe),
        settings=settings,
        train=lengths,
        seeds=tuple(range(seed, seed + seeds)),
        run_dir=run_dir,
        trained_for=trained_for,
    )
    if plots:
        check_traceable(plan.learner_name, plan.learner)
    _execute(plan, out, resume, quiet)
    if plots:
        _draw(plan)


def _execute(plan: Any, out: Path | None, resume: bool, quiet: bool) -> None:
    """Run the plan, write the result and say where everything is."""
    from rich.console import Console

    from metabench.cli.view import RunView
    from metabench.plots.learning_curve import learning_curve
    from metabench.results import tables
    from metabench.results.document import default_path, write
    from metabench.tracks.fewshot.run import execute

    data = f"data {plan.dataset.name} ({plan.dataset.source}), digest {plan.dataset.digest[:12]}"
    say(f"{plan.protocol.id}: {plan.learner_name}, recipe {plan.recipe.name}, {data}", not quiet)
    with RunView(quiet) as view:
        result = execute(plan, resume=resume, command=command_line(), watcher=view.watcher())
    path = out or default_path(result, Path("leaderboards"))
    write(result, path)
    lines = tables.result_cells(result)
    print(f"{result.protocol.id}, dataset {result.dataset_digest[:12]}")
    Console().print(tables.table(tables.RESULT_HEAD, lines))
    print(*tables.presentation_lines(result), *tables.caption(result), sep="\n")
    print(f"result: {path}")
    if any(view.curves.values()):
        picture = plan.folder / "learning-curve.png"
        learning_curve(view.curves, f"{plan.learner_name} on {result.protocol.id}", picture)
        print(f"learning curve: {picture}")


def _draw(plan: Any) -> None:
    """The inner steps on test episodes, of the first seed."""
    from metabench.plots.inner_steps import inner_steps
    from metabench.scoring.traces import EPISODES, traced
    from metabench.tracks.fewshot.replan import training_of

    state, table = training_of(plan).state, plan.tables["test"]
    found = traced(plan.learner, state, table, plan.shape, seed=plan.protocol.seed)
    picture = plan.folder / "inner-steps.png"
    title = f"{plan.learner_name} on {EPISODES} episodes of {plan.protocol.id}"
    inner_steps(found, title, picture)
    print(f"inner steps: {picture}")


def check_counts(**counts: int) -> None:
    """`UserError` on a seed or a number of seeds that cannot be."""
    lowest = {"seed": 0, "seeds": 1}
    for name, value in counts.items():
        if not lowest[name] <= value < 2**30:
            raise UserError(
                f"`{name}` is {value}; it must be at least {lowest[name]} and below 2^30"
            )
