"""Verdicts on made-up results: what fails, what does not, and the document."""

import json

import numpy as np
import pytest

from metabench.guard import report
from metabench.guard.verdicts import Fresh, as_document, suspicious, verdicts
from tests.made_up_result import made_up

EPISODES = 64


def counts(seeds, right, start):
    """Right answers of ten in each episode; the seeds differ by half an answer."""
    random = np.random.default_rng(start)
    rows = right + random.normal(0, 0.2, (seeds, 1)) + random.normal(0, 0.8, (seeds, EPISODES))
    return tuple(map(tuple, np.clip(rows.round(), 0, 10).astype(int).tolist()))


def fresh(right, seeds=4, learner="protonet"):
    """A baseline of six right answers, and `right` of them now."""
    base = made_up(learner, *counts(12, 6, 0))
    return Fresh(base, counts(seeds, right, 1), tuple(range(seeds)))


def test_only_a_drop_and_what_cannot_be_made_fail():
    listed = verdicts(
        {
            "same": fresh(6),
            "lower": fresh(4.5),
            "higher": fresh(7.5),
            "gone": Fresh(made_up("gone", *counts(12, 6, 0)), broken="there is no option `width`"),
        }
    )
    assert [one.status for one in listed] == ["passed", "dropped", "rose", "broken"]
    assert [one.name for one in listed if one.fails] == ["lower", "gone"]


def test_what_is_corrected_is_corrected_for_all_results():
    alone = verdicts({"lower": fresh(5.3)})[0].p_value
    among = verdicts({"lower": fresh(5.3), **{f"n{k}": fresh(6) for k in range(20)}})[0].p_value
    assert among == pytest.approx(min(1, 21 * alone))


def test_a_drop_looks_suspicious_and_a_rise_does_not():
    assert suspicious(fresh(5, seeds=1))
    assert not suspicious(fresh(6.5, seeds=1))
    assert not suspicious(Fresh(made_up(), broken="no"))


def test_an_unchanged_learner_rarely_fails():
    wrong = 0
    for n in range(300):
        base = made_up("protonet", *counts(12, 6, 1000 + n))
        wrong += verdicts({"a": Fresh(base, counts(1, 6, 5000 + n), (0,))})[0].fails
    assert wrong <= 3


def test_the_document_is_json_of_fractions():
    listed = verdicts({"lower": fresh(4.5), "gone": Fresh(made_up(), broken="no such option")})
    document = json.loads(json.dumps(as_document(listed, tier="fast", margin=0.02, alpha=0.01)))
    assert document["failed"] == ["gone", "lower"]
    lower, gone = document["comparisons"]
    assert lower["difference"] == pytest.approx(lower["now"] - lower["before"], abs=2e-6)
    assert lower["seeds"] == [0, 1, 2, 3]
    assert gone["broken"] == "no such option"
    assert "now" not in gone


def test_the_summary_tells_failures_first_and_escapes_what_it_is_told():
    listed = verdicts({"same": fresh(6), "a|<b>": fresh(4.5)})
    page = report.markdown(listed, tier="fast", margin=0.02, alpha=0.01)
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert rows[0].startswith("| a\\|&lt;b&gt; | ")
    assert "DROPPED" in rows[0]
    assert "passed" in rows[1]
    assert "2 results made again, 1 failed" in page
    assert "renew the baseline with `--renew`" in page
    assert "<b>" not in page


def test_without_failures_nothing_is_said_of_renewing():
    said = " ".join(report.sentences(verdicts({"same": fresh(6)}), 0.02, 0.01))
    assert "1 results made again, 0 failed" in said
    assert "--renew" not in said
