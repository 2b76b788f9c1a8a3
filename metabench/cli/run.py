"""`metabench run`: train a learner, test it under a protocol, write the result."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from metabench.cli import options
from metabench.cli.settings import parse_settings
from metabench.errors import UserError
from metabench.progress import say

PLACES = ("--out", "--run-dir", "--archives", "--cache")
FLAGS = ("--resume", "--quiet")
ONLINE_SIZE = 20  # pixels of the images, as in Santoro et al. 2016
FALLBACK, PREFERRED = "strokes", "omniglot"  # what `--dataset auto` chooses between


def run(
    learner: options.Learner,
    way: options.Way = 5,
    shot: options.Shot = 1,
    query: options.Query = 15,
    protocol: options.Kind = "kshot",
    presentations: options.Presentations = 10,
    labels: options.LabelKind = "onehot",
    dataset: options.Dataset = "auto",
    split: options.Split = None,
    episodes: options.Episodes = 1000,
    image_size: options.ImageSize = None,
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    set_: options.Settings = None,
    train: options.Lengths = None,
    recipe: options.Recipe = None,
    out: options.Out = None,
    run_dir: options.RunDir = Path("runs"),
    resume: options.Resume = False,
    quiet: options.Quiet = False,
    archives: options.Archives = None,
    cache: options.Cache = None,
) -> None:
    """Train LEARNER, test it N-way k-shot or online, and write one result JSON."""
    from metabench import recipes, registry
    from metabench.data import load_or_prepare
    from metabench.results import check_writable
    from metabench.run import plan_run
    from metabench.tables import find_split
    from metabench.types import Labels, Protocol

    registry.learner_factory(learner)  # a wrong name is told before data is looked for
    settings, lengths = parse_settings(set_ or []), parse_settings(train or [], "--train")
    check_writable(out if out is not None else Path("leaderboards") / "result.json")
    _check_counts(seed=seed, seeds=seeds, episodes=episodes)
    online = _is_online(protocol, labels)
    if online:
        image_size = image_size or ONLINE_SIZE
    name = _choose(dataset, image_size, archives, cache)
    data = load_or_prepare(name, image_size, archives, cache, progress=not quiet)
    chosen = find_split(data, split).name
    size = int(data.images.shape[1])
    measured = Protocol(name, chosen, way, shot, query, episodes, size)
    if online:
        measured = replace(measured, shot=0, query=presentations, labels=cast(Labels, labels))
    plan = plan_run(
        learner,
        measured,
        data,
        recipe=recipes.find(name, learner, way, measured.shot, recipe),
        settings=settings,
        train=lengths,
        seeds=tuple(range(seed, seed + seeds)),
        run_dir=run_dir,
    )
    _execute(plan, out, resume, quiet)


def _is_online(protocol: str, labels: str) -> bool:
    """Whether streams are asked for; `UserError` on words that mean nothing."""
    for name, value, allowed in (
        ("protocol", protocol, ("kshot", "online")),
        ("labels", labels, ("onehot", "letters")),
    ):
        if value not in allowed:
            raise UserError(f"`{name}` is {value!r}; it must be one of: {', '.join(allowed)}")
    return protocol == "online"


def _execute(plan: Any, out: Path | None, resume: bool, quiet: bool) -> None:
    """Run the plan, write the result and say where everything is."""
    from rich.console import Console

    from metabench import report
    from metabench.cli.view import RunView
    from metabench.plots import learning_curve
    from metabench.results import default_path, write
    from metabench.run import execute

    data = f"data {plan.dataset.name} ({plan.dataset.source}), digest {plan.dataset.digest[:12]}"
    say(f"{plan.protocol.id}: {plan.learner_name}, recipe {plan.recipe.name}, {data}", not quiet)
    command = shlex.join(["metabench", *_without_paths(sys.argv[1:])])
    with RunView(quiet) as view:
        result = execute(plan, resume=resume, command=command, watcher=view.watcher())
    path = out or default_path(result, Path("leaderboards"))
    write(result, path)
    lines = report.result_cells(result)
    print(f"{result.protocol.id}, dataset {result.dataset_digest[:12]}")
    Console().print(report.table(report.RESULT_HEAD, lines))
    print(*report.presentation_lines(result), *report.caption(result), sep="\n")
    print(f"result: {path}")
    if any(view.curves.values()):
        picture = plan.folder / "learning-curve.png"
        learning_curve(view.curves, f"{plan.learner_name} on {result.protocol.id}", picture)
        print(f"learning curve: {picture}")


def _without_paths(arguments: list[str]) -> list[str]:
    """The arguments that decide the result, without those that say where things are here."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        name, sign, _ = argument.partition("=")
        if skip:
            skip = False
        elif name in PLACES:
            skip = not sign
        elif argument not in FLAGS:
            kept.append(argument)
    return kept


def _choose(dataset: str, size: int | None, archives: Path | None, cache: Path | None) -> str:
    """The dataset's name; for `auto`, the real one where it can be had."""
    from metabench.data import is_available

    if dataset != "auto":
        return dataset
    if is_available(PREFERRED, size, archives, cache):
        return PREFERRED
    say(
        f"WARNING: {PREFERRED} is neither prepared, nor among the archives, nor reachable: "
        f"this run uses the embedded dataset `{FALLBACK}`, whose figures compare with no paper's. "
        "Name a folder of archives with `--archives` or METABENCH_ARCHIVES, or use `--dataset`."
    )
    return FALLBACK


def _check_counts(**counts: int) -> None:
    lowest = {"seed": 0, "seeds": 1, "episodes": 2}
    for name, value in counts.items():
        if not lowest[name] <= value < 2**30:
            raise UserError(
                f"`{name}` is {value}; it must be at least {lowest[name]} and below 2^30"
            )
