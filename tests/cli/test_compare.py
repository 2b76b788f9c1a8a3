"""`metabench compare`."""

import csv
import io
import json
from pathlib import Path

import pytest

from metabench.results.compared import compare
from metabench.results.document import default_path, write
from tests.made_up_result import made_up

FIRST = made_up("protonet", (10, 8, 10, 8))
SECOND = made_up("matching", (9, 8, 8, 7))
OTHER = made_up("pixel_nn", (3, 4, 3, 4), protocol={"shot": 5})


@pytest.fixture
def names(metabench):
    for result in (FIRST, SECOND, OTHER):
        write(result, default_path(result, Path("leaderboards")))
    return [f"{result.protocol.id}/{result.learner}" for result in (FIRST, SECOND, OTHER)]


def test_every_format_tells_the_same(metabench, names):
    found = compare(FIRST, SECOND)
    outcome = metabench("compare", *names[:2])
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{found}\n", "")
    record = found.record()
    assert json.loads(metabench("compare", *names[:2], "--format", "json").out) == record
    (line,) = csv.DictReader(io.StringIO(metabench("compare", *names[:2], "--format", "csv").out))
    assert line == {name: "" if x is None else str(x) for name, x in record.items()}
    cells = "protonet", "matching", "90.00 ± 11.32", "80.00 ± 8.00", "10.00 ± 8.00†", "0.014"
    text = metabench("compare", *names[:2], "--format", "markdown").out
    assert text.splitlines()[2] == f"| {' | '.join(cells)} | yes | 6 | unknown |"
    text = metabench("compare", *names[:2], "--format", "latex").out
    assert r"10.00 $\pm$ 8.00$^\dagger$ & 0.014 & yes & 6 & unknown \\" in text


def test_a_file_and_a_name(metabench, names):
    path = default_path(SECOND, Path("leaderboards"))
    outcome = metabench("compare", names[0], path)
    assert outcome.out == metabench("compare", *names[:2]).out


def test_what_does_not_compare_is_one_sentence(metabench, names):
    outcome = metabench("compare", names[0], names[2])
    assert (outcome.code, outcome.out) == (2, "")
    assert "are of different boards" in outcome.err
    outcome = metabench("compare", *names[:2], "--format", "xml")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "`format` is 'xml'" in outcome.err
