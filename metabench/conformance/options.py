"""What the options of a factory must be: a user sets them by name, and wrong values are refused."""

from __future__ import annotations

import inspect

from metabench import registry
from metabench.conformance.check import ConformanceError, named, require
from metabench.conformance.subject import Subject
from metabench.contracts.options import check_value
from metabench.errors import UserError


def check_options(subject: Subject) -> None:
    """Options are keyword arguments with a default that they take, and refuse another type."""
    parameters = inspect.signature(subject.entry.factory).parameters.values()
    loose = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD][1:]
    require(
        not loose,
        "the parameters of a factory after its shape must be keyword options: write `*` before "
        f"{', '.join(f'`{name}`' for name in loose)}",
    )
    for name, option in registry.options(subject.entry).items():
        require(
            option.default is not inspect.Parameter.empty,
            f"option `{name}` must have a default, and has none",
        )
        try:
            check_value(name, option.default, option.annotation)
        except UserError as error:
            raise ConformanceError(
                f"the default of an option must be a value that it takes, but {error}"
            ) from error
        require(
            _refuses(name, object(), option.annotation),
            f"option `{name}` must be annotated with a type that is known when it is imported, "
            "such as `int` or `float | None`, but it takes every value",
        )


def _refuses(name: str, value: object, hint: object) -> bool:
    try:
        check_value(name, value, hint)
    except UserError:
        return True
    return False


OPTION_CHECKS = named(check_options)
