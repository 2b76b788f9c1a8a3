"""The arguments of functions that users call, compared with their annotations."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from metabench.contracts.options import check_value


def check_arguments(owner: Callable[..., Any], /, **values: Any) -> dict[str, Any]:
    """`values` by name, each of the type that the annotation of `owner`'s argument says.

    A number of NumPy's, or an array of one number without axes, becomes a number of Python's.

    Raises:
      UserError: a value of another type.
    """
    hints = typing.get_type_hints(owner, include_extras=True)
    plain = {
        name: value.item() if getattr(value, "shape", None) == () else value
        for name, value in values.items()
    }
    for name, value in plain.items():
        check_value(name, value, hints[name])
    return plain
