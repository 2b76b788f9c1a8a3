"""Which results are ranked."""

from dataclasses import replace

import pytest

from metabench.errors import UserError
from metabench.results.filters import Filters
from metabench.results.status import signed
from tests.made_up_result import made_up

WHO = {"who": "A", "when": "2026", "where": "here", "tasks": 4}
PLAIN = made_up("plain")
RESULTS = [
    PLAIN,
    signed(made_up("replayed"), "replayed", **WHO),
    signed(made_up("retrained"), "retrained", **WHO),
    made_up("transductive", transductive=True),
    made_up("more", claims={"extra_data": "ImageNet"}),
    made_up("builds", recipe={"name": "defaults", "source": {"name": "b"}}, parameter_count=0),
    replace(made_up("untrained"), runs=(replace(PLAIN.runs[0], train_steps=0),)),
    made_up("large", parameter_count=10_000_000),
]
ALL = {result.learner for result in RESULTS}


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({}, ALL),
        ({"status": "claimed"}, ALL),
        ({"status": "replayed"}, {"replayed", "retrained"}),
        ({"status": "retrained"}, {"retrained"}),
        ({"transductive": True}, {"transductive"}),
        ({"transductive": False}, ALL - {"transductive"}),
        ({"extra_data": True}, {"more"}),
        ({"extra_data": False}, ALL - {"more"}),
        ({"pretrained": True}, {"builds"}),
        ({"pretrained": False}, ALL - {"builds"}),
        ({"trained": False}, {"untrained"}),
        ({"trained": True}, ALL - {"untrained"}),
        ({"max_parameters": 112_000}, ALL - {"large", "builds"}),  # unknown is not small
        ({"max_parameters": 0, "trained": None}, set()),
        ({"status": "replayed", "max_parameters": 10}, set()),
    ],
)
def test_what_is_kept(asked, kept):
    filters = Filters(**asked)
    assert {result.learner for result in RESULTS if filters.take(result)} == kept


def test_nothing_left_is_one_sentence():
    with pytest.raises(UserError, match=r"none of the 8 results is as asked \(max_parameters 0\)"):
        Filters(max_parameters=0).keep(RESULTS)
    assert Filters(max_parameters=0).keep([]) == []


def test_a_status_that_there_is_not_is_one_sentence():
    with pytest.raises(UserError, match="`status` is 'blessed'; it must be one of: claimed, rep"):
        Filters(status="blessed")
