"""JSON as text: the same document always gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import re


def canonical(document: object) -> str:
    """A JSON document as text: the same document always gives the same bytes."""
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return re.sub(r'"(?:[^"\\]|\\.)*"|\[[-\d.,\seE+]*\]', _one_line, text) + "\n"


def _one_line(match: re.Match[str]) -> str:
    """An array of numbers on one line; strings stay as they are."""
    found = match.group()
    return found if found.startswith('"') else re.sub(r"\s+", "", found)


def fingerprint(document: object) -> str:
    """Eight hexadecimal digits of the sha256 of a JSON document: a short name for settings."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
