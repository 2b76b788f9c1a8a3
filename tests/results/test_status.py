from dataclasses import replace

import pytest

from metabench.errors import UserError
from metabench.results.document import from_json, to_json
from metabench.results.doubts import doubts
from metabench.results.status import content_digest, signed, status_of
from tests.made_up_result import made_up

WHO = {"who": "A. Reader", "when": "2026-01-02T03:04:05+00:00", "where": "Linux, cpu", "tasks": 4}


def test_a_result_is_claimed_until_somebody_signs_it():
    result = made_up()
    assert status_of(result) == "claimed"
    replayed = signed(result, "replayed", **WHO)
    assert status_of(replayed) == "replayed"
    assert status_of(signed(replayed, "retrained", **WHO)) == "retrained"


def test_signatures_survive_their_file_and_do_not_change_the_digest():
    replayed = signed(made_up(), "replayed", **WHO)
    again = from_json(to_json(replayed))
    assert again == replayed
    assert content_digest(again) == content_digest(made_up())
    assert status_of(again) == "replayed"


@pytest.mark.parametrize(
    "change",
    [
        {"learner": "other"},
        {"hyperparameters": {"width": 65, "clip": None}},
        {"parameter_count": 1},
        {"transductive": True},
        {"created": "2026-01-02T03:04:06+00:00"},
        {"claims": {"authors": ["B. Author"]}},
        {"canaries": ()},
    ],
)
def test_a_change_after_the_signature_is_found_and_takes_the_status_away(change):
    changed = replace(signed(made_up(), "replayed", **WHO), **change)
    assert status_of(changed) == "claimed"
    assert "was changed after A. Reader signed it as replayed" in "; ".join(doubts(changed))
    assert signed(changed, "replayed", **WHO).signatures != changed.signatures


def test_a_signature_of_an_unknown_kind_is_refused():
    text = to_json(signed(made_up(), "replayed", **WHO))
    with pytest.raises(UserError, match="signatures/0/status"):
        from_json(text.replace('"replayed"', '"blessed"'))
