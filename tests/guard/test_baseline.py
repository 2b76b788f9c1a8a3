"""The committed baseline names what its tiers can hold, and its Omniglot tier still passes."""

import pytest

from benchmarks.gate import tier
from metabench.guard.measure import Wish, remade
from metabench.guard.verdicts import verdicts
from metabench.results import document


def committed(name):
    return {path.stem: document.read(path) for path in (tier.BASELINE / name).glob("*.json")}


def test_every_learner_of_episodes_has_a_document_of_many_seeds():
    found = committed("fast")
    assert set(found) == set(tier.learners())
    for name, result in found.items():
        assert result.learner == name
        assert result.recipe.get("train", {}).get("select", "last") == "last"
        if result.trained:
            assert len(result.runs) == tier.SEEDS


def test_other_tiers_hold_documents_of_their_own():
    found = committed("omniglot")
    assert set(found) == set(tier.learners("omniglot"))
    for result in found.values():
        assert result.protocol.dataset == "omniglot"
        assert len(result.runs) in (1, tier.TIERS["omniglot"].seeds)


def test_a_learner_of_streams_is_guarded_above_chance():
    result = committed("fast")["lstm"]
    assert result.protocol.labels == "onehot"
    assert min(run.accuracy for run in result.runs) > 0.6


@pytest.mark.slow
@pytest.mark.realdata
def test_what_needs_no_training_is_the_same_on_the_real_omniglot():
    found = {name: one for name, one in committed("omniglot").items() if not one.trained}
    (verdict,) = verdicts(dict(remade(found, Wish(quick=False))))
    assert (verdict.status, verdict.difference) == ("passed", 0)
