"""Plug-ins by name, found through entry points. Knows none of them.

Groups: `metabench.learners` (factories), `metabench.datasets` (`DatasetSpec`, or a function
that makes one from what follows the colon in `scheme:rest`), `metabench.protocols` (tuples of
`Protocol`). Somebody else's plug-in is one entry-point line in their package.
"""

from __future__ import annotations

import functools
import inspect
import math
import types
import typing
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from metabench.contracts.learner import TEST_ONLY, Learner, LearnerFactory
from metabench.errors import UserError, suggest
from metabench.types import Protocol, TaskShape

if TYPE_CHECKING:
    from metabench.contracts.dataset import DatasetSpec


@functools.cache
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"metabench.{group}")}


def names(group: str) -> tuple[str, ...]:
    """Names registered in `group` (`learners`, `datasets` or `protocols`), sorted.

    Schemes are not among the datasets: they name none by themselves.
    """
    left_out = schemes() if group == "datasets" else ()
    return tuple(sorted(name for name in _points(group) if name not in left_out))


@functools.cache
def schemes() -> tuple[str, ...]:
    """What may stand before the colon of a dataset such as `folder:PATH`, sorted."""
    points = _points("datasets").items()
    return tuple(sorted(name for name, point in points if callable(point.load())))


def _load(group: str, noun: str, name: str) -> Any:
    points = _points(group)
    if name not in points:
        known = names(group)
        raise UserError(
            f"unknown {noun} `{name}`{suggest(name, known)}; registered are: {', '.join(known)}"
        )
    return points[name].load()


def learner_factory(name: str) -> LearnerFactory:
    """The factory registered as learner `name`; `UserError` names the ones there are."""
    return _load("learners", "learner", name)


def dataset(name: str) -> DatasetSpec:
    """The description registered as dataset `name`, or made by a scheme from `scheme:rest`.

    Raises:
      UserError: there is none of that name; it names the ones there are.
    """
    scheme, colon, rest = name.partition(":")
    if scheme in schemes():
        if not rest:
            raise UserError(f"`dataset` is {name!r}; it must be `{scheme}:` and a path or name")
        return _points("datasets")[scheme].load()(rest)
    if colon:
        known = schemes()
        listed = ", ".join(f"{one}:…" for one in known) or "none"
        raise UserError(
            f"unknown kind of dataset `{scheme}:`{suggest(scheme, known)}; known are: {listed}"
        )
    return _load("datasets", "dataset", name)


def protocols() -> tuple[Protocol, ...]:
    """Every registered protocol, in the order of their groups' names."""
    groups = (_load("protocols", "protocol group", name) for name in names("protocols"))
    return tuple(protocol for group in groups for protocol in group)


def options(name: str) -> dict[str, inspect.Parameter]:
    """The keyword hyperparameters of learner `name`, with their defaults."""
    parameters = inspect.signature(learner_factory(name)).parameters.values()
    return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}


def test_only(name: str) -> tuple[str, ...]:
    """The options of learner `name` that its training does not depend on."""
    try:
        hints = typing.get_type_hints(learner_factory(name), include_extras=True)
    except NameError:  # annotations that exist for type checkers only
        return ()
    marks = {option: getattr(hint, "__metadata__", ()) for option, hint in hints.items()}
    return tuple(option for option in options(name) if TEST_ONLY in marks.get(option, ()))


def takes(learner: str | LearnerFactory, kind: type) -> bool:
    """Whether a factory, or that of a registered name, says that it takes shapes of `kind`.

    It says so by the annotation of its first parameter: a shape, or a union of shapes.
    """
    factory = learner_factory(learner) if isinstance(learner, str) else learner
    first = next(iter(inspect.signature(factory).parameters), "")
    try:
        hint = typing.get_type_hints(factory).get(first)
    except (NameError, TypeError):  # annotations for type checkers only; a partial has none
        return False
    return kind in (typing.get_args(hint) or (hint,))


def learner_version(name: str) -> str:
    """`package version` of the distribution that registered learner `name`."""
    point = _points("learners")[name]
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"


def build_learner(name: str, shape: TaskShape, settings: Mapping[str, Any]) -> Learner:
    """Learner `name` for tasks of `shape`.

    Raises:
      UserError: an unknown learner, an option it does not have, or a value it refuses.
    """
    known = options(name)
    for option in settings:
        if option not in known:
            listed = ", ".join(f"{k}={p.default!r}" for k, p in known.items()) or "none"
            raise UserError(
                f"learner `{name}` has no option `{option}`{suggest(option, tuple(known))}; "
                f"its options and defaults are: {listed}"
            )
    _check_types(name, settings)
    return learner_factory(name)(shape, **settings)


def _check_types(name: str, settings: Mapping[str, Any]) -> None:
    """Raise `UserError` where a value is not of its option's annotated type."""
    try:
        hints = typing.get_type_hints(learner_factory(name))
    except NameError:  # annotations that exist for type checkers only: nothing to hold values to
        return
    for option, value in settings.items():
        hint = hints.get(option, Any)
        if not _fits(value, hint):
            raise UserError(
                f"`{option}` of learner `{name}` is {value!r}; it must be {_spelled(hint)}"
            )


def _fits(value: object, hint: Any) -> bool:
    """Whether `value` is what `hint` says; unknown kinds of hints admit everything."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if hint is types.NoneType or hint is None:
        return value is None
    if hint in (int, float):  # a bool is no number here, an int is a float
        whole = isinstance(value, int) and not isinstance(value, bool)
        # JSON has neither nan nor infinity.
        return whole or (hint is float and isinstance(value, float) and math.isfinite(value))
    hint = typing.get_origin(hint) or hint
    return isinstance(value, hint) if isinstance(hint, type) else True


def _spelled(hint: Any) -> str:
    """`hint` for people: `a whole number`, `one of: cosine, squared`, `... or none`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_spelled(one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return "one of: " + ", ".join(map(str, typing.get_args(hint)))
    words = {
        int: "a whole number",
        float: "a finite number",
        bool: "true or false",
        str: "text",
        dict: "a table, {name = value}",
        types.NoneType: "none",
    }
    return words.get(typing.get_origin(hint) or hint, str(hint))
