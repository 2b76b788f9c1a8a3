"""JSON as text: the same document always gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator


def canonical(document: object) -> str:
    """A JSON document as text: the same document always gives the same bytes.

    It is indented by two spaces, has its keys in order, and each array of numbers on one line.
    (`json.dumps` with an indent is several times slower, and so counts by the thousand would be.)

    Raises:
      ValueError: a number is not finite.
      TypeError: a value is none of JSON's, or a key is no string.
    """
    return "".join(_parts(document, "\n")) + "\n"


def _parts(value: object, line: str) -> Iterator[str]:
    """The text of a value in pieces; `line`: a line break and the indent of where it stands."""
    inner, before = line + "  ", ""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            if not isinstance(key, str):
                raise TypeError(f"a key is {key!r}; it must be a string")
            yield f"{before or '{'}{inner}{_plain(key)}: "
            yield from _parts(value[key], inner)
            before = ","
        yield line + "}"
    elif isinstance(value, list | tuple) and not all(type(one) in (int, float) for one in value):
        for one in value:
            yield f"{before or '['}{inner}"
            yield from _parts(one, inner)
            before = ","
        yield line + "]"
    else:
        yield _plain(value)


def _plain(value: object) -> str:
    """On one line, without spaces."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def fingerprint(document: object) -> str:
    """Eight hexadecimal digits of the sha256 of a JSON document: a short name for settings."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
