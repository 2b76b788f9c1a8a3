"""An examination runs every check, goes on after a failure, and does nothing twice."""

import re

import pytest

from metabench.conformance import (
    LEARNER_CHECKS,
    ConformanceError,
    Subject,
    check_learner,
    examine_learner,
)
from metabench.conformance.built import STEPS
from metabench.conformance.check import require_no_failure
from metabench.errors import UserError
from metabench.types import EpisodeShape
from tests.conformance import faults
from tests.conformance.faults import breaking
from tests.conformance.right import linear, on_linear, remembering

pytestmark = pytest.mark.slow


def test_an_examination_goes_on_after_a_failure():
    broken = breaking(linear, transductive=lambda whole, shape: True, trace=faults.raises)
    outcomes = examine_learner(broken)
    assert [one.check for one in outcomes] == [check.name for check in LEARNER_CHECKS]
    said = {one.check: one.said for one in outcomes if one.status == "failed"}
    assert set(said) == {"transductive", "trace"}
    with pytest.raises(ConformanceError) as caught:
        require_no_failure("mine", outcomes)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"`mine` fails 2 of {len(LEARNER_CHECKS)} checks:"
    assert lines[1].startswith("- transductive: `transductive` is declared True, but")
    assert re.fullmatch(
        r"- trace: faults.py, line \d+, in \w+: KeyError: 'no such thing'", lines[2]
    )


def test_checks_that_fail_for_one_reason_share_a_line():
    with pytest.raises(ConformanceError) as caught:
        check_learner(faults.of_another_type)
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith("- contract, other_shape, transductive, ")
    assert line.endswith("must return EpisodeLearner")


def test_a_learner_of_streams_alone_is_checked_as_others_are():
    broken = breaking(remembering, step=faults.weakens_a_type)
    failed = [one for one in examine_learner(broken) if one.status == "failed"]
    assert [one.check for one in failed] == ["compiles_once"]


def test_settings_and_shape_are_handed_on():
    shape = EpisodeShape(3, 2, 4, (20, 18, 1))
    bright = Subject("pixel_nn", shape=shape, settings={"ink": "bright"})
    assert bright.settings == {"ink": "bright"}
    assert bright.episodes.tasks(2).support_x.shape == (2, 6, 20, 18, 1)
    assert bright.streams.tasks(2).xs.shape == (2, 9, 20, 18, 1)


def test_who_does_not_exist_is_not_examined():
    with pytest.raises(UserError, match="unknown learner `protonets`"):
        examine_learner("protonets")


def test_a_source_is_trained_once_for_all_who_build_on_it():
    sources = {}
    first, second = (Subject(on_linear, sources=sources).episodes.initial for _ in range(2))
    assert len(sources) == 1
    (trained,) = sources.values()
    assert trained["weights"] is first["weights"] is second["weights"]
    assert trained["steps"] == STEPS


def test_what_failed_is_not_tried_again():
    tried = []

    def factory(shape: EpisodeShape):
        tried.append(shape)
        raise RuntimeError("broken")

    failed = [one.check for one in examine_learner(factory) if one.status == "failed"]
    assert len(failed) > 10
    assert len(tried) == 1
