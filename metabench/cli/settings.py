"""From `name=value` on the command line to Python values."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any

from metabench.errors import UserError


def parse_settings(pairs: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """`["width=32", "norm=batch", "clip=none"]` as a dictionary.

    Numbers, booleans, lists and tables are written as in TOML, `none` is None, and anything
    else is text.

    Raises:
      UserError: a pair without a name or `=`, or a name given twice.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        name = name.strip()
        if not sign or not name:
            raise UserError(f"`{option}` is {pair!r}; write it as NAME=VALUE")
        if name in found:
            raise UserError(f"`{option}` gives `{name}` twice; give it once")
        found[name] = _value(text.strip())
    return found


def _value(text: str) -> Any:
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if len(found) == 1 else text  # text of several lines
