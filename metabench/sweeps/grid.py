"""A grid file: learners, protocols, seeds and settings whose combinations are run.

What the file may hold is checked here; what its names and values mean is checked where each
combination is planned (`cells.py`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from metabench.entries.sets import protocol_set
from metabench.errors import UserError, suggest
from metabench.sweeps.search import Search, search_of
from metabench.tracks.fewshot.request import Asked, asked_again
from metabench.training.lengths import MOST_SEEDS, Lengths, check_seeds

KEYS = ("learners", "protocols", "seeds", "settings", "train", "recipes", "search")
MEASURED = tuple(one.name for one in fields(Asked))
LENGTHS = tuple(one.name for one in fields(Lengths))

Axes = Mapping[str, Sequence[Any]]  # the values of each name; all combinations are meant


@dataclass(frozen=True)
class Grid:
    """What a grid file says, each value as the list of its alternatives."""

    learners: tuple[str, ...]
    protocols: tuple[Axes, ...]
    seeds: tuple[int, ...] = (0,)
    settings: Mapping[str, Axes] = field(default_factory=dict)  # by learner
    train: Axes = field(default_factory=dict)  # of all learners that are trained
    train_of: Mapping[str, Axes] = field(default_factory=dict)  # by learner, over `train`
    recipes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by learner
    search: Search | None = None


def read(path: Path) -> Grid:
    """The grid in a TOML file; `UserError` if it cannot be read or holds what it may not."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"`grid` {path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"`grid` {path} is not TOML: {error}") from error
    return grid_of(document)


def grid_of(document: Mapping[str, Any]) -> Grid:
    """The grid in a document as a grid file has it.

    Raises:
      UserError: an unknown key, or a value of a kind that it cannot be.
    """
    check_names("grid", document, KEYS)
    learners = _learners(document.get("learners"))
    train = _table("train", document.get("train", {}))
    general = {name: value for name, value in train.items() if not isinstance(value, Mapping)}
    check_names("train", general, LENGTHS)
    own = {name: value for name, value in train.items() if name not in general}
    train_of = _by_learner("train", own, learners)
    for name, axes in train_of.items():
        check_names(f"train.{name}", axes, LENGTHS)
    search = document.get("search")
    return Grid(
        learners=learners,
        protocols=_protocols(document.get("protocols")),
        seeds=_seeds(document.get("seeds", 1)),
        settings=_by_learner("settings", document.get("settings", {}), learners),
        train=_axes("train", general),
        train_of=train_of,
        recipes=_recipes(document.get("recipes", {}), learners),
        search=None if search is None else search_of(_table("search", search), learners),
    )


def check_names(table: str, values: Mapping[str, Any], known: Sequence[str]) -> None:
    """`UserError` on a key of `table` that is not among `known`."""
    for name in values:
        if name not in known:
            raise UserError(
                f"`{table}` has `{name}`{suggest(name, tuple(known))}; it may hold: "
                + ", ".join(known)
            )


def _is_list_of(value: Any, kind: type) -> bool:
    """Whether it is a list with something in it, all of that kind."""
    return isinstance(value, Sequence) and bool(value) and all(isinstance(x, kind) for x in value)


def _learners(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not _is_list_of(listed, str):
        raise UserError(
            f"`learners` is {value!r}; it must be a list of names, such as "
            '["protonet", "mine.py:mine"]'
        )
    _check_once("learners", listed)
    return tuple(listed)


def _protocols(value: Any) -> tuple[Axes, ...]:
    """From the name of a set, a table, or a list of tables."""
    if isinstance(value, str):
        return tuple(_axes("protocols", asked_again(one)) for one in protocol_set(value))
    tables = [value] if isinstance(value, Mapping) else value
    if not _is_list_of(tables, Mapping):
        raise UserError(
            f"`protocols` is {value!r}; it must be a table of what `metabench run` measures, "
            'such as {dataset = "strokes", way = 5, shot = [1, 5]}, a list of such tables, or '
            "the name of a set of protocols"
        )
    for one in tables:
        check_names("protocols", one, MEASURED)
    return tuple(_axes("protocols", one) for one in tables)


def _seeds(value: Any) -> tuple[int, ...]:
    """From a number of seeds, or a list of them."""
    if isinstance(value, int) and not isinstance(value, bool):
        check_seeds(0, value)
        return tuple(range(value))
    if (
        not isinstance(value, Sequence)
        or not value
        or not all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    ):
        raise UserError(f"`seeds` is {value!r}; it must be how many, or a list of whole numbers")
    _check_once("seeds", value)
    check_seeds(min(value), 1)
    check_seeds(max(value), 1)
    if len(value) > MOST_SEEDS:
        raise UserError(f"`seeds` lists {len(value):,}; there may be at most {MOST_SEEDS:,}")
    return tuple(sorted(value))


def _recipes(value: Any, learners: Sequence[str]) -> dict[str, Sequence[str]]:
    axes = _axes("recipes", _table("recipes", value))
    check_names("recipes", axes, learners)
    for name, recipes in axes.items():
        for recipe in recipes:
            if not isinstance(recipe, str):
                raise UserError(f"`recipes.{name}` has {recipe!r}; it must be a recipe's name")
    return axes


def _by_learner(table: str, value: Any, learners: Sequence[str]) -> dict[str, Axes]:
    """A table of tables, one for each learner."""
    tables = _table(table, value)
    check_names(table, tables, learners)
    return {
        name: _axes(f"{table}.{name}", _table(f"{table}.{name}", one))
        for name, one in tables.items()
    }


def _table(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(f"`{name}` is {value!r}; it must be a table")
    return value


def _axes(table: str, values: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Each value as a list; a list is the alternatives already. `"none"` is None."""
    found: dict[str, Sequence[Any]] = {}
    for name, value in values.items():
        listed = list(value) if isinstance(value, list | tuple) else [value]
        if not listed:
            raise UserError(f"`{table}.{name}` is an empty list; leave it out, or name values")
        found[name] = [None if one == "none" else one for one in listed]
        _check_once(f"{table}.{name}", found[name])
    return found


def _check_once(name: str, values: Sequence[Any]) -> None:
    """`UserError` where a value stands twice, `1` and `true` being different ones."""
    kinds = [(type(one), one) for one in values]
    for number, one in enumerate(kinds):
        if one in kinds[:number]:
            raise UserError(f"`{name}` has {one[1]!r} twice; name each once")
