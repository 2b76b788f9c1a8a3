"""From a learner to an entry, whole; every kind of learner."""

import dataclasses

import pytest

from metabench import recipes
from metabench.entries import submit as submitting
from metabench.entries.folder import read
from metabench.entries.sets import CORE, FULL, QUICK, protocol_set
from metabench.entries.submit import submit
from metabench.entries.verify import Wanted, check_entry, verify_entry
from metabench.errors import UserError
from metabench.tracks.fewshot.request import Places, asked_again, measured
from tests.entries.conftest import PROTOCOL, TEXT, passed, submission

QUIET = Wanted(tasks=3, places=Places(quiet=True))


def test_an_entry_holds_its_learner_results_states_and_claims(original):
    entry = read(original)
    assert {path.relative_to(original).parts[0] for path in original.rglob("*")} == {
        "checks.json", "entry.json", "looks", "results", "source", "states",
    }  # fmt: skip
    assert (original / "source" / "mine.py").read_text() == TEXT
    assert entry.about["learner"]["reference"] == "source/mine.py:mine"
    (result,) = entry.results.values()
    assert {one["name"] for one in result.canaries} >= {"shuffled labels", "blank supports"}
    assert result.claims == {"authors": ["A. Author"], "licence": "MIT"}
    assert '"streams": "it takes none"' in (original / "checks.json").read_text()


def test_a_learner_that_fails_a_check_is_not_submitted(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text(TEXT.replace("return means, state", "return means[:1], state"))
    with pytest.raises(UserError, match=r"fails \d+ of \d+ checks .*`metabench check`") as caught:
        submit(submission(f"{file}:mine", tmp_path / "runs"), tmp_path / "entry", command="")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "entry").exists()


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["pixel_nn", "logistic", "maml"])
def test_a_registered_learner_is_submitted_and_replayed(learner, tmp_path, monkeypatch):
    """One without training, one that builds on another's embedding, one that is trained."""
    monkeypatch.setattr(submitting, "checked", passed)
    short = {"steps": 2, "validate_every": 2, "validation_episodes": 2, "batch": 2}
    find = recipes.find

    def brief(*asked):
        found = find(*asked)
        return dataclasses.replace(found, train=short) if found.train else found

    monkeypatch.setattr(recipes, "find", brief)
    embedding = {"embedding": "autoencoder", "embedding_settings": {"code": 8, "hidden": 16}}
    settings = {"logistic": embedding, "maml": {"width": 4, "first_order": True}}.get(learner, {})
    asked = submission(learner, tmp_path / "runs", settings=settings, train={})
    submit(asked, tmp_path / "entry", command="")
    entry = read(tmp_path / "entry")
    assert entry.about["learner"]["package"]["name"] == "metabench"
    assert check_entry(entry, QUIET) == []  # asks for no trust
    assert all(one.holds for one in verify_entry(entry, QUIET))


def test_one_training_may_serve_all_protocols_of_a_dataset(tmp_path):
    wider = dataclasses.replace(PROTOCOL, way=4)
    once = dataclasses.replace(
        submission("maml", tmp_path), protocols=(PROTOCOL, wider), train_once=True
    )
    first, second = once.requests()
    assert first.trained_for is None
    assert second.trained_for == PROTOCOL.id
    assert second.train == {}
    each = dataclasses.replace(once, train_once=False).requests()
    assert [one.trained_for for one in each] == [None, None]


def test_the_sets_are_of_frozen_protocols_that_can_be_asked_for():
    assert [(one.way, one.shot) for one in QUICK] == [(5, 1), (5, 5)]
    assert [(one.way, one.shot) for one in CORE] == [(5, 1), (5, 5), (20, 1), (20, 5)]
    assert {one.dataset for one in FULL} == {"omniglot", "mnist", "mini_imagenet"}
    assert all(one.episode_digest for one in (*QUICK, *FULL))
    with pytest.raises(UserError, match="did you mean `core`"):
        protocol_set("cor")


def test_a_protocol_that_is_asked_for_again_is_the_same():
    from metabench.tracks.fewshot.request import Asked

    found = measured(Asked(**asked_again(QUICK[0])), Places(quiet=True)).protocol
    assert found.id == QUICK[0].id
