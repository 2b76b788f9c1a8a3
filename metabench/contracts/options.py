"""The options of a factory: what values they take, and options that several factories share.

A factory's keyword parameters are its options. An option is checked against its annotation:
its type, a `Literal`, and what stands in an `Annotated`, such as `Annotated[int, AtLeast(1)]`.
Options that many factories share stand in a group, a frozen dataclass below `Options`. A factory
takes a whole group as one parameter, and `with_options` shows the group's fields as options of
the factory: whoever sets them does not see the group.
"""

from __future__ import annotations

import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from metabench.contracts.ranges import POSITIVE as POSITIVE
from metabench.contracts.ranges import AtLeast as AtLeast
from metabench.contracts.ranges import Between as Between
from metabench.contracts.ranges import FromTo as FromTo
from metabench.errors import UserError, suggest

F = TypeVar("F", bound=Callable[..., Any])
TEST_ONLY = "test only"
"""`option: Annotated[int, TEST_ONLY] = 1` of a factory: one training serves all its values, and
validation takes the default."""

UNSAID = "unsaid at its default"
"""`option: Annotated[int, UNSAID] = 1` of a factory: at its default, results and folders of
checkpoints do not hold it, so that those from before there was the option keep their names."""


@dataclass(frozen=True)
class Options:
    """Base of the groups of options that several factories share."""


Count = Annotated[int, AtLeast(1)]
Way = Annotated[int, AtLeast(2)]  # classes in an episode: one alone is told from no other
Rate = Annotated[float, POSITIVE]
Chance = Annotated[float, FromTo(0, 1)]


def with_options(factory: F) -> F:
    """`factory` with the fields of its groups as keyword parameters, and every value checked.

    The result takes single options as well as whole groups. It raises `UserError` on an option
    that is not there and on a value that the option's annotation does not admit.

    Args:
      factory: `factory(shape, *, options)`; one that went through here before is returned.
    """
    if hasattr(factory, "__metabench_options__"):
        return factory
    groups, hints = _groups(factory), _hints(factory)
    signature = _flat(factory, groups, hints)
    known = {p.name: p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}

    @functools.wraps(factory)
    def built(*arguments: Any, **options: Any) -> Any:
        given = {name: options.pop(name) for name in tuple(options) if name in groups}
        for name, value in options.items():
            if name not in known:
                raise _unknown(getattr(factory, "__name__", "this"), name, known)
            check_value(name, value, known[name].annotation)
        kept = {name: value for name, value in options.items() if name not in _fields(groups)}
        for name, default in groups.items():
            group = given.get(name, default)
            for field in fields(group):
                check_value(field.name, getattr(group, field.name), known[field.name].annotation)
            changed = {f.name: options[f.name] for f in fields(group) if f.name in options}
            kept[name] = replace(group, **changed)
        return factory(*arguments, **kept)

    built.__signature__ = signature  # type: ignore[attr-defined]
    built.__metabench_options__ = known  # type: ignore[attr-defined]
    return typing.cast("F", built)


def options_of(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The options of a factory by name, with default and annotation; groups as their fields."""
    return with_options(factory).__metabench_options__  # type: ignore[attr-defined]


def only_in_test(factory: Callable[..., Any]) -> tuple[str, ...]:
    """The options that the training does not depend on: those marked `TEST_ONLY`."""
    marks = {name: _marks(p.annotation) for name, p in options_of(factory).items()}
    return tuple(name for name, found in marks.items() if TEST_ONLY in found)


def said(factory: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a factory, by `values` or their defaults, but for those that are `UNSAID`."""
    known = options_of(factory)
    every = {name: p.default for name, p in known.items()} | dict(values)
    unsaid = {
        n for n, p in known.items() if UNSAID in _marks(p.annotation) and every[n] == p.default
    }
    return {name: value for name, value in every.items() if name not in unsaid}


def check_options(
    name: str, factory: Callable[..., Any], values: Mapping[str, Any], noun: str = "learner"
) -> None:
    """Raise `UserError` on an option that learner `name` does not have, or on a wrong value."""
    known = options_of(factory)
    for option, value in values.items():
        if option not in known:
            raise _unknown(name, option, known, noun)
        check_value(option, value, known[option].annotation, f" of {noun} `{name}`")


def in_words(factory: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`values`, with None, True and False as words where an option admits the word alone.

    `norm=none` on the command line is None, as `clip=none` is, but the choices of `norm` are words
    and `none` is one of them.

    Args:
      factory: whose options they are.
      values: by the names of options, known ones or others.
    """
    known = options_of(factory)
    return {
        name: _in_words(value, known[name].annotation) if name in known else value
        for name, value in values.items()
    }


def _in_words(value: Any, hint: Any) -> Any:
    if not (value is None or isinstance(value, bool)) or _fits(value, hint):
        return value
    word = str(value).lower()
    return word if _fits(word, hint) else value


def check_value(name: str, value: object, hint: Any, owner: str = "") -> None:
    """Raise `UserError` where `value` is not what the annotation `hint` of option `name` says."""
    if not _fits(value, hint):
        raise UserError(f"`{name}`{owner} is {value!r}; it must be {_spelled(hint)}")
    if value is None:
        return
    for mark in _marks(hint):
        if hasattr(mark, "allows") and not mark.allows(value):
            raise UserError(f"`{name}` is {value}; it must be {mark}")


def _unknown(
    name: str, option: str, known: Mapping[str, inspect.Parameter], noun: str = "learner"
) -> UserError:
    listed = ", ".join(f"{k}={p.default!r}" for k, p in known.items())
    others = f"its options and defaults are: {listed}" if listed else "it has no options at all"
    return UserError(
        f"{noun} `{name}` has no option `{option}`{suggest(option, tuple(known))}; {others}"
    )


def _groups(factory: Callable[..., Any]) -> dict[str, Options]:
    parameters = inspect.signature(factory).parameters.values()
    return {p.name: p.default for p in parameters if isinstance(p.default, Options)}


def _fields(groups: Mapping[str, Options]) -> set[str]:
    return {field.name for group in groups.values() for field in fields(group)}


def _hints(owner: Any) -> dict[str, Any]:
    """Annotations of a factory or a group; none where they exist for type checkers only."""
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except (NameError, TypeError):  # `functools.partial` has none
        return {}


def _flat(
    factory: Callable[..., Any], groups: Mapping[str, Options], hints: Mapping[str, Any]
) -> inspect.Signature:
    """The signature with the fields of each group in the group's place."""
    signature, flat = inspect.signature(factory), list[inspect.Parameter]()
    for parameter in signature.parameters.values():
        if parameter.name in groups:
            group = groups[parameter.name]
            inner = _hints(type(group))
            flat += [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=getattr(group, field.name),
                    annotation=inner.get(field.name, Any),
                )
                for field in fields(group)
            ]
        else:
            hint = hints.get(parameter.name, Any)
            flat.append(parameter.replace(annotation=hint))
    return signature.replace(parameters=flat)


def _marks(hint: Any) -> tuple[Any, ...]:
    """What stands in the `Annotated` of a hint, also within a union with None."""
    found = getattr(hint, "__metadata__", ())
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for one in typing.get_args(hint):
            found += _marks(one)
    return found


def _fits(value: object, hint: Any) -> bool:
    """Whether `value` is what `hint` says; unknown kinds of hints admit everything."""
    if hint in (Any, inspect.Parameter.empty):
        return True
    if hasattr(hint, "__metadata__"):
        return _fits(value, hint.__origin__)
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
    if hasattr(hint, "__metadata__"):
        return _spelled(hint.__origin__)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_spelled(one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return "one of: " + ", ".join(map(str, typing.get_args(hint)))
    words = {
        int: "a whole number",
        float: "a finite number",
        bool: "true or false",
        str: "text",
        Path: "a path",
        Mapping: "a table of names and values",
        dict: "a table, {name = value}",
        types.NoneType: "none",
    }
    return words.get(typing.get_origin(hint) or hint, str(hint))
