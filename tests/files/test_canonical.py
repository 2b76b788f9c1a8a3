"""Canonical JSON: the same bytes as `json.dumps`, with arrays of numbers on one line."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabench.files.canonical import canonical

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def reference(document):
    """The definition: indented JSON in which arrays of numbers lose their spaces."""
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)

    def one_line(match):
        found = match.group()
        return found if found.startswith('"') else re.sub(r"\s+", "", found)

    return re.sub(r'"(?:[^"\\]|\\.)*"|\[[-\d.,\seE+]*\]', one_line, text) + "\n"


@given(VALUES)
def test_it_is_what_json_has(document):
    assert canonical(document) == reference(document)
    assert json.loads(canonical(document)) == document


def test_by_hand():
    document = {"b": [1, 2.5], "a": {"x": [], "y": [[1], [True]], "z": {}}}
    assert canonical(document) == (
        '{\n  "a": {\n    "x": [],\n    "y": [\n      [1],\n'
        "      [\n        true\n      ]\n    ],\n"
        '    "z": {}\n  },\n  "b": [1,2.5]\n}\n'
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, [1.0, -math.inf]])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": value})


def test_keys_are_strings():
    with pytest.raises(TypeError, match="a key is 1; it must be a string"):
        canonical({1: 2})
