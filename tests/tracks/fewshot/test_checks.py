"""Seeds that change nothing, and more episodes than memory holds, are refused before a run."""

from dataclasses import replace

import pytest

from metabench.contracts.learner import EpisodeLearner
from metabench.errors import UserError
from metabench.tracks.fewshot import checks
from metabench.tracks.fewshot.checks import check_memory, check_together, check_used
from tests.tracks.fewshot.made_up import PROTOCOL


def test_seeds_that_change_nothing_are_refused(plan):
    made = plan("untrained", lengths={}, seeds=(0, 1))
    check_used(made, {}, {}, None)  # its weights are random
    usual = made.learner
    fixed = EpisodeLearner(lambda key: (), usual.adapt, usual.predict)
    with pytest.raises(UserError, match=r"^`seeds` is 2, but learner `untrained` .*leave it out$"):
        check_used(replace(made, learner=fixed), {}, {}, None)
    check_used(replace(made, learner=fixed, seeds=(1,)), {}, {}, None)


def test_seeds_of_a_training_are_seeds(plan):
    check_used(plan(seeds=(0, 1)), {}, {}, None)


def test_counts_that_fit_no_memory_are_refused(plan, monkeypatch):
    monkeypatch.setattr(checks.memory, "available", lambda: 10**9)
    check_memory(plan())
    check_memory(plan(protocol=replace(PROTOCOL, episodes=10**6)))
    with pytest.raises(UserError, match=r"^`episodes` is 1,000,000,000: .* 1.0 GB are free"):
        check_memory(plan(protocol=replace(PROTOCOL, episodes=10**9)))
    monkeypatch.setattr(checks.memory, "available", lambda: None)  # a system that does not say
    check_memory(plan(protocol=replace(PROTOCOL, episodes=10**9)))


def test_seeds_together_of_one_training_or_none_is_refused(plan):
    check_together(plan(seeds=(0, 1)), True)
    check_together(plan(), False)
    for made, why in (
        (plan(), "there is one seed"),
        (plan("untrained", lengths={}, seeds=(0, 1)), "learner `untrained` is not trained"),
        (
            replace(plan(seeds=(0, 1)), tested_training=PROTOCOL.id),
            "`trained-for` tests an earlier training",
        ),
    ):
        with pytest.raises(UserError, match=f"^`seeds-together` is given, but {why}; leave it out"):
            check_together(made, True)
