"""What a run was asked for, by the command line or in Python, and the plan that comes of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from metabench import data, recipes, registry
from metabench.contracts.arguments import check_arguments
from metabench.data.small_classes import passed_over
from metabench.errors import UserError, suggest
from metabench.files.progress import say
from metabench.recipes import Recipe
from metabench.registry import AnyLearner
from metabench.tasks.class_table import find_split
from metabench.tasks.protocol_table import protocol_of
from metabench.tasks.ranges import written
from metabench.tracks.fewshot.checks import check_memory, check_used
from metabench.tracks.fewshot.fitted import check_apart, check_colours
from metabench.tracks.fewshot.plan import Plan, plan_run
from metabench.training.lengths import check_seeds
from metabench.types import Dataset, Labels, Protocol, Split

ONLINE_SIZE = 20  # pixels of the images, as in Santoro et al. 2016
FALLBACK, PREFERRED = "strokes", "omniglot"  # what `dataset="auto"` chooses between


@dataclass(frozen=True)
class Asked:
    """What is measured: the protocol and its data, where None stands for what is usual."""

    dataset: str = "auto"
    way: int | None = None
    shot: int | str | None = None  # `"1-5"`: unequal numbers, see `metabench.tasks.ranges`
    query: int | str | None = None
    protocol: str = "kshot"  # or "online"
    presentations: int | None = None
    labels: str | None = None
    split: str | None = None
    test_dataset: str | None = None
    test_split: str | None = None
    within_alphabet: bool = False
    episodes: int | None = None
    image_size: int | None = None
    independent: bool = False
    min_images: int | None = None
    grey: bool = False


@dataclass(frozen=True)
class Places:
    """Where things are on this machine; nothing here decides a figure."""

    run_dir: Path = Path("runs")
    archives: Path | None = None
    cache: Path | None = None
    quiet: bool = False


@dataclass(frozen=True)
class Request:
    """A whole run as it was asked for."""

    learner: AnyLearner
    tested: Asked = Asked()
    settings: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    recipe: str | Recipe | None = None
    seed: int = 0
    seeds: int = 1
    trained_for: str | None = None
    places: Places = Places()


class Measured(NamedTuple):
    """A protocol and its data."""

    protocol: Protocol
    dataset: Dataset  # that it tests on
    training_data: Dataset  # of meta-training


def plan_of(request: Request) -> Plan:
    """The checked plan of what was asked for; data is prepared where it must be.

    Raises:
      UserError: a mistake in the request, or data that cannot be had.
    """
    entry = registry.learner(request.learner)  # a wrong name is told before data is looked for
    check_seeds(request.seed, request.seeds)
    protocol, dataset, training_data = measured(request.tested, request.places)
    recipe = request.recipe
    if not isinstance(recipe, Recipe):
        recipe = recipes.find(training_data.name, entry.name, protocol.way, protocol.shot, recipe)
    plan = plan_run(
        entry,
        protocol,
        dataset,
        training_data=training_data,
        recipe=recipe,
        settings=request.settings,
        lengths=request.train,
        seeds=tuple(range(request.seed, request.seed + request.seeds)),
        run_dir=request.places.run_dir,
        tested_training=request.trained_for,
    )
    check_used(plan, request.settings, request.train, request.trained_for)
    check_memory(plan)
    return plan


def measured(asked: Asked, places: Places = Places()) -> Measured:
    """The protocol that was asked for, the dataset that it tests on, and that of meta-training.

    Raises:
      UserError: data that cannot be had, a split that is not there, an impossible number.
    """
    check_kind(asked)
    if asked.test_split is not None and asked.test_dataset is None:
        raise UserError("`test-split` needs `test-dataset`; without it, use `split`")
    online, size = asked.protocol == "online", asked.image_size
    if size is None and online:
        size = ONLINE_SIZE
    archives, cache, shown = places.archives, places.cache, not places.quiet
    name = chosen(asked.dataset, size, places)
    training_data = data.load_or_prepare(name, size, archives, cache, progress=shown)
    source = find_split(training_data, asked.split)
    tested, split, trained_on = training_data, source, None
    if asked.test_dataset is not None:
        size = int(training_data.images.shape[1])
        spec = registry.dataset(asked.test_dataset, tested=True)
        tested = data.load_or_prepare(spec, size, archives, cache, progress=shown)
        split = find_split(tested, asked.test_split)
        check_apart(training_data, source, tested, split)
        trained_on = f"{training_data.name}/{source.name}"
    counts = {name: getattr(asked, name) for name in ("way", "shot", "query", "episodes")}
    protocol = replace(
        protocol_of(tested, split, counts),
        within_alphabet=asked.within_alphabet,
        trained_on=trained_on,
        min_images=asked.min_images,
        grey=asked.grey,
    )
    check_colours(asked.grey, tested, training_data)
    if asked.min_images is not None:
        _say_passed_over(
            {source.digest: (training_data, source), split.digest: (tested, split)},
            asked.min_images,
            shown,
        )
    if online:
        presentations = 10 if asked.presentations is None else asked.presentations
        labels = cast("Labels", asked.labels or "onehot")
        protocol = replace(protocol, shot=0, query=presentations, labels=labels)
        protocol = replace(protocol, independent=asked.independent)
    return Measured(protocol, tested, training_data)


def _say_passed_over(used: Mapping[str, tuple[Dataset, Split]], fewest: int, shown: bool) -> None:
    """A line for each split of which classes are passed over."""
    for dataset, split in used.values():
        if line := passed_over(dataset, split, fewest):
            say(line, shown)


def check_kind(asked: Asked) -> None:
    """`UserError` on a word that means nothing, or on an option of the other protocol."""
    _check_word("protocol", asked.protocol, ("kshot", "online"))
    _check_word("labels", asked.labels or "onehot", ("onehot", "letters"))
    foreign: dict[str, dict[str, int | str | bool | None]] = {
        "online": {"shot": asked.shot, "query": asked.query},
        "kshot": {
            "presentations": asked.presentations,
            "labels": asked.labels,
            "independent": asked.independent or None,
        },
    }
    for name, value in foreign[asked.protocol].items():
        if value is not None:
            other = "kshot" if asked.protocol == "online" else "online"
            raise UserError(f"`{name}` belongs to `--protocol {other}`; leave it out here")
    if asked.presentations is not None and asked.presentations < 1:
        raise UserError(f"`presentations` is {asked.presentations}; it must be at least 1")


def _check_word(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UserError(f"`{name}` is {value!r}; it must be one of: {', '.join(allowed)}")


def chosen(dataset: str, size: int | None, places: Places = Places()) -> str:
    """The dataset's name; for `auto`, the real one where it is available."""
    if dataset != "auto":
        return dataset
    if data.is_available(PREFERRED, size, places.archives, places.cache):
        return PREFERRED
    say(
        f"WARNING: {PREFERRED} is neither prepared, nor among the archives, nor reachable: "
        f"this run uses the embedded dataset `{FALLBACK}`, which no paper reports. "
        "Name a folder of archives with `--archives` or METABENCH_ARCHIVES, or use `--dataset`."
    )
    return FALLBACK


def asked_of(values: Mapping[str, Any]) -> Asked:
    """What is measured, from names and values; `UserError` on a name or a type that is wrong."""
    known = tuple(Asked.__dataclass_fields__)
    for name in values:
        if name not in known:
            raise UserError(
                f"there is no argument `{name}`{suggest(name, known)}; there are: "
                + ", ".join(known)
            )
    return Asked(**check_arguments(Asked, **values))


def asked_again(protocol: Protocol) -> dict[str, Any]:
    """What was asked for where `protocol` was measured."""
    online = protocol.labels is not None
    found: dict[str, Any] = {
        "way": protocol.way,
        "episodes": protocol.episodes,
        "within_alphabet": protocol.within_alphabet,
        "image_size": protocol.image_size,
        "min_images": protocol.min_images,
        "grey": protocol.grey,
    }
    if online:
        found |= {"protocol": "online", "presentations": protocol.query, "labels": protocol.labels}
        found["independent"] = protocol.independent
    else:
        found["shot"] = written(protocol.shot, protocol.shot_spread)
        found["query"] = written(protocol.query, protocol.query_spread)
    if protocol.trained_on is None:
        return found | {"dataset": protocol.dataset, "split": protocol.split}
    dataset, split = protocol.trained_on.split("/")
    test = {"test_dataset": protocol.dataset, "test_split": protocol.split}
    return found | {"dataset": dataset, "split": split} | test


def as_command(request: Request) -> str:
    """The command line that asks for the same, for a result that was made in Python."""
    words = ["metabench", "run", "--learner", registry.learner(request.learner).name]
    for one in fields(Asked):
        value = getattr(request.tested, one.name)
        if value != one.default:
            name = "--" + one.name.replace("_", "-")
            words += [name] if value is True else [name, str(value)]
    for name, value, default in (
        ("--seed", request.seed, 0),
        ("--seeds", request.seeds, 1),
        ("--recipe", getattr(request.recipe, "name", request.recipe), None),
        ("--trained-for", request.trained_for, None),
    ):
        if value != default:
            words += [name, str(value)]
    for name, value in request.settings.items():
        words += ["--set", f"{name}={_written(value)}"]
    for name, value in request.train.items():
        words += ["--train", f"{name}={_written(value)}"]
    return shlex.join(words)


def _written(value: Any) -> str:
    """A value as `--set` reads it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name} = {_quoted(one)}" for name, one in value.items())
        return "{" + inner + "}"
    return str(value)


def _quoted(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else _written(value)
