"""Documents held against their JSON Schemas (2020-12)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from metabench.errors import UserError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

COUNT = {"type": "integer", "minimum": 0}  # of the long arrays


def schema(place: str) -> dict[str, Any]:
    """The JSON Schema in the file `<package>/<name>`, such as `results/fewshot.schema.json`."""
    package, _, name = place.rpartition("/")
    home = files(f"metabench.{package.replace('/', '.')}")
    found: dict[str, Any] = json.loads(home.joinpath(name).read_text("utf-8"))
    return found


def check(document: object, place: str, name: str, what: str) -> None:
    """`UserError` unless `document` fits the schema at `place`.

    Args:
      document: as read from JSON.
      place: of the schema, as in `schema`.
      name: of the document, for the error.
      what: it should be, with its article: `a result file`.
    """
    from jsonschema.exceptions import best_match

    error = best_match(_validator(place).iter_errors(document))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the document"
        raise UserError(f"{name} is not {what}: {where}: {error.message}")


@cache
def _validator(place: str) -> Validator:
    """Of one schema, once for all files: a leaderboard reads dozens."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    one_by_one = Draft202012Validator.VALIDATORS["items"]

    def items(validator: Any, wanted: Any, found: Any, within: Any) -> Iterator[Any]:
        """Counts are looked at in one go where nothing is wrong with them."""
        if not (wanted == COUNT and isinstance(found, list) and all(map(_is_count, found))):
            yield from one_by_one(validator, wanted, found, within)

    return extend(Draft202012Validator, {"items": items})(schema(place))


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
