"""What the command line can do, in Python: run a learner, test its training again, rank results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from metabench.compute.devices import needed, using
from metabench.compute.residence import residing
from metabench.contracts.arguments import check_arguments
from metabench.contracts.learner import EpisodeLearner
from metabench.files.progress import say
from metabench.recipes import Recipe
from metabench.registry import AnyLearner
from metabench.results.document import default_path, write
from metabench.results.result import Result
from metabench.seeds import pinned
from metabench.tracks.fewshot.checks import check_together
from metabench.tracks.fewshot.logging import logged_plan
from metabench.tracks.fewshot.plan import Plan
from metabench.tracks.fewshot.predict import Examples, Predictions, examples
from metabench.tracks.fewshot.predict import predict as classified
from metabench.tracks.fewshot.request import (
    Places,
    Request,
    as_command,
    asked_again,
    asked_of,
    measured,
    plan_of,
)
from metabench.tracks.fewshot.run import execute
from metabench.training.logs.log import check_logs
from metabench.training.view import RunView


def run(
    learner: AnyLearner,
    *,
    settings: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
    recipe: str | None = None,
    seed: int = 0,
    seeds: int = 1,
    seeds_together: bool = False,
    resume: bool = False,
    trained_for: str | None = None,
    canaries: bool = False,
    log: Sequence[str] = (),
    run_dir: Path | str = "runs",
    archives: Path | str | None = None,
    cache: Path | str | None = None,
    progress: bool = True,
    devices: int | None = None,
    data: str | None = None,
    **tested: Any,
) -> Result:
    """Train a learner, test it under a protocol, and return the result; as `metabench run` does.

    Args:
      learner: a registered name, a factory of your own, `path/to/file.py:function` or
        `package.module:function`.
      settings: hyperparameters of the learner, over the recipe's.
      train: lengths of training, over the recipe's: steps, batch, validate_every,
        validation_episodes, chunk.
      recipe: name of a variant, or the path of a TOML file; None for the usual recipe.
      seed: first training seed.
      seeds: how many seeds, each a training of its own.
      seeds_together: whether to train all of them in one program, where that is possible.
      resume: continue an interrupted run of the same settings.
      trained_for: id of a protocol whose training with the same settings is tested; nothing is
        trained then.
      canaries: whether to measure what has known answers, too; `Result.canaries` then holds what
        came of it.
      log: where the training is logged as it goes on: "csv", "tensorboard", "wandb", or several.
      run_dir: folder of checkpoints.
      archives: folder with the datasets' archives; None: `METABENCH_ARCHIVES`, else a download.
      cache: folder of prepared data; None: `METABENCH_CACHE`, else the platform's own.
      progress: whether to show progress on standard error.
      devices: how many GPUs, or cores of a CPU, work is spread over; None: all that JAX has.
      data: "host" reads images from the disk as they are needed, "device" copies all of them to
        the devices first; None: by what memory there is.
      **tested: what is measured, each with what is usual as its default: dataset, way, shot,
        query, protocol ("kshot" or "online"), presentations, labels, split, test_dataset,
        test_split, within_alphabet, episodes, image_size, independent, min_images, grey.
        `shot="1-5"` and `query="5-15"` draw the number of each class of an episode anew.

    Raises:
      UserError: a mistake in one sentence.

    Example:
      >>> import metabench
      >>> result = metabench.run("pixel_nn", dataset="strokes", way=5, shot=1, episodes=20,
      ...                        progress=False)
      >>> result.protocol.id
      'strokes-alphabets-5way-1shot-20episodes-v2'
      >>> result.per_episode().shape  # seeds, episodes
      (1, 20)
    """
    plain = check_arguments(
        run, settings=settings, train=train, recipe=recipe, seed=seed, seeds=seeds, resume=resume,
        trained_for=trained_for, run_dir=run_dir, archives=archives, cache=cache, devices=devices,
        data=data, seeds_together=seeds_together,
    )  # fmt: skip
    request = Request(
        learner=learner,
        tested=asked_of(tested),
        settings=dict(settings or {}),
        train=dict(train or {}),
        recipe=recipe,
        seed=plain["seed"],
        seeds=plain["seeds"],
        trained_for=trained_for,
        places=_places(run_dir, archives, cache, progress),
    )
    with using(plain["devices"]), residing(data):
        return _executed(request, resume, canaries, _logs(log), seeds_together)


def evaluate(
    trained: Result,
    *,
    learner: AnyLearner | None = None,
    run_dir: Path | str = "runs",
    archives: Path | str | None = None,
    cache: Path | str | None = None,
    progress: bool = True,
    devices: int | None = None,
    **tested: Any,
) -> Result:
    """Test the training behind a result under another protocol; nothing is trained.

    Args:
      trained: from `run`, whose checkpoints are still in `run_dir`.
      learner: the factory, where no package registers it.
      run_dir: as in `run`.
      archives: as in `run`.
      cache: as in `run`.
      progress: as in `run`.
      devices: as in `run`.
      **tested: as in `run`; what is left out is as `trained` was tested.

    Raises:
      UserError: a mistake in one sentence, or the training is not there.

    Example:
      >>> import metabench
      >>> short = {"steps": 4, "validate_every": 4, "validation_episodes": 2, "chunk": 4}
      >>> trained = metabench.run("protonet", dataset="strokes", episodes=4, train=short,
      ...                         settings={"width": 8}, progress=False)
      >>> harder = metabench.evaluate(trained, way=10, progress=False)
      >>> harder.protocol.way, harder.recipe["trained_for"]
      (10, 'strokes-alphabets-5way-1shot-4episodes-v2')
    """
    plain = check_arguments(evaluate, devices=devices)
    request = _again(trained, learner, _places(run_dir, archives, cache, progress))
    asked = asked_of(asked_again(trained.protocol) | tested)
    with using(plain["devices"]):
        return _executed(replace(request, tested=asked), resume=False)


def predict(
    trained: Result,
    support: Path | str,
    query: Path | str,
    *,
    learner: AnyLearner | None = None,
    run_dir: Path | str = "runs",
    archives: Path | str | None = None,
    cache: Path | str | None = None,
    progress: bool = True,
    devices: int | None = None,
    **tested: Any,
) -> Predictions:
    """Classify images of your own by the training behind a result, from examples of each class.

    Args:
      trained: from `run`, whose checkpoints are still in `run_dir`; its first seed is used.
      support: folder with a folder of images for each class, two or more. They need not
        have equally many, unless the learner is `balanced`; of a class that is too large, the
        first images by name are taken.
      query: folder of images, or of folders with images.
      learner: the factory, where no package registers it.
      run_dir: as in `run`.
      archives: as in `run`; of the data that the learner was trained on.
      cache: as in `run`.
      progress: whether to say on standard error which images are left out.
      devices: as in `run`.
      **tested: as in `evaluate`; `dataset`, where `trained` was trained on a folder.

    Raises:
      UserError: a mistake in one sentence, or the training is not there.
    """
    places = _places(run_dir, archives, cache, progress)
    plain = check_arguments(predict, devices=devices)
    with using(plain["devices"]):
        return predicted(trained, Path(support), Path(query), learner, places, tested)[1]


def predicted(
    trained: Result,
    support: Path,
    query: Path,
    learner: AnyLearner | None,
    places: Places,
    tested: Mapping[str, Any],
) -> tuple[Examples, Predictions]:
    """As `predict`, with the examples that were read."""

    def tell(text: str) -> None:
        say(text, not places.quiet)

    asked = asked_of({**asked_again(trained.protocol), **tested})
    with pinned(), needed():
        protocol, _, training_data = measured(asked, places)
        size, channels = training_data.images.shape[2:]
        read = partial(examples, support, size, 1 if protocol.grey else channels, places.cache)

        def planned(found: Examples) -> Plan:
            counted = replace(asked, way=len(found.classes), shot=found.shot, query=1)
            return plan_of(replace(_again(trained, learner, places), tested=counted))

        found = read()
        plan = planned(found)
        if isinstance(plan.learner, EpisodeLearner) and plan.learner.balanced:
            found = read(even=True)
            plan = planned(found)
        tell(f"examples: {found.told}")
        return found, classified(plan, found, query, tell)


def save(result: Result, folder: Path | str = "leaderboards") -> None:
    """Write a result where `leaderboard(folder)` finds it; a rerun replaces it.

    Raises:
      UserError: it cannot be written.
    """
    write(result, default_path(result, Path(folder)))


def _again(trained: Result, learner: AnyLearner | None, places: Places) -> Request:
    """What tests the training behind a result once more; what it is tested on is left open."""
    seeds, lengths = [run.seed for run in trained.runs], trained.recipe.get("train", {})
    return Request(
        learner=trained.learner if learner is None else learner,
        settings=trained.hyperparameters,
        train=lengths,
        recipe=Recipe(trained.recipe["name"]),
        seed=seeds[0],
        seeds=len(seeds),
        trained_for=trained.recipe.get("trained_for", trained.protocol.id) if lengths else None,
        places=places,
    )


def _places(
    run_dir: Path | str, archives: Path | str | None, cache: Path | str | None, progress: bool
) -> Places:
    return Places(
        Path(run_dir),
        None if archives is None else Path(archives),
        None if cache is None else Path(cache),
        quiet=not progress,
    )


def _logs(log: Sequence[str]) -> tuple[str, ...]:
    """The kinds of logs; one may be given by itself."""
    kinds = (log,) if isinstance(log, str) else tuple(log)
    check_logs(kinds)
    return kinds


def _executed(
    request: Request,
    resume: bool,
    canaries: bool = False,
    logs: Sequence[str] = (),
    together: bool = False,
) -> Result:
    with pinned(), needed():
        plan = plan_of(request)
        check_together(plan, together)
        with (
            RunView(request.places.quiet) as view,
            logged_plan(view.watcher(), logs, plan) as watcher,
        ):
            return execute(
                plan,
                resume=resume,
                command=as_command(request) + " --seeds-together" * together,
                watcher=watcher,
                canaries=canaries,
                together=together,
            )
