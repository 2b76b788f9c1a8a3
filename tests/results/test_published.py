"""Papers' figures: sound, beside what answers the same question, and apart with the difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metabench import registry
from metabench.results.published import apart, beside, published_for, table
from tests.made_up_result import made_up

OMNIGLOT = {"dataset": "omniglot", "split": "vinyals", "way": 5}
USUAL = OMNIGLOT | {"query": 15, "episodes": 4}
MINI = {"dataset": "mini_imagenet", "split": "ravi", "way": 5, "image_size": 84}
MNIST = {"dataset": "mnist", "split": "digits", "way": 10, "trained_on": "omniglot/vinyals"}


def result(learner, protocol=OMNIGLOT, **changes):
    return made_up(learner, protocol=protocol, **changes)


def figure(*arguments, **changes):
    found = published_for(result(*arguments, **changes))
    return found.accuracy if found else None


def reasons(found, accuracy):
    """The differences of one figure of those found."""
    (quoted,) = [one for one in found if one.published.accuracy == accuracy]
    return quoted.differences


@pytest.mark.parametrize(
    ("learner", "protocol", "accuracy"),
    [
        ("matching", OMNIGLOT, 98.1),
        ("protonet", OMNIGLOT | {"way": 20, "shot": 5}, 98.9),
        ("matching", OMNIGLOT | {"shot": 3}, None),
        ("matching", {"way": 5}, None),  # no paper has strokes
        ("somebody_elses", OMNIGLOT, None),
        ("protonet", MINI, 49.42),
        ("matching", MNIST, 72.0),
    ],
)
def test_a_figure_is_found_by_learner_and_protocol(learner, protocol, accuracy):
    assert figure(learner, protocol) == accuracy


@pytest.mark.parametrize(
    ("learner", "protocol", "theirs", "reason"),
    [
        (
            "matching",
            {"within_alphabet": True},
            98.1,
            "classes of an episode of any alphabet, here of one alphabet",
        ),
        ("pixel_nn", {"image_size": 20}, 41.7, "28 × 28 pixels, here 20 × 20"),
        (
            "matching",
            {"split": "lake"},
            98.1,
            "split: 1,200 / 423 characters, not published, here lake",
        ),
        (
            "pixel_nn",
            {"query_spread": 2},
            41.7,
            "as many images of each class, here unequal numbers",
        ),
        (
            "matching",
            {"trained_on": "strokes/alphabets"},
            98.1,
            "meta-trained on omniglot, here on strokes",
        ),
    ],
)
def test_a_test_of_something_else_is_apart_and_named(learner, protocol, theirs, reason):
    found = result(learner, OMNIGLOT | protocol)
    assert published_for(found) is None
    assert reasons(apart(found), theirs) == (reason,)


@pytest.mark.parametrize(
    ("learner", "protocol", "inductive", "transductive"),
    [
        ("reptile", OMNIGLOT, 95.39, 97.68),
        ("reptile", OMNIGLOT | {"shot": 5}, 98.9, 99.48),
        ("reptile", OMNIGLOT | {"way": 20}, 88.14, 89.43),
        ("reptile", OMNIGLOT | {"way": 20, "shot": 5}, 96.65, 97.12),
        ("reptile", MINI, 47.07, 49.97),
        ("reptile", MINI | {"shot": 5}, 62.74, 65.99),
        ("maml", OMNIGLOT, None, 98.7),
        ("relation", OMNIGLOT, None, 99.6),
    ],
)
def test_transductive_figures_stand_beside_transductive_results(
    learner, protocol, inductive, transductive
):
    assert figure(learner, protocol, transductive=False) == inductive
    assert figure(learner, protocol, transductive=True) == transductive
    found = result(learner, protocol, transductive=False)
    assert reasons(apart(found), transductive)[0] == "transductive, here not"


@pytest.mark.parametrize(
    ("learner", "settings", "accuracy"),
    [
        ("baseline", {"finetune": False}, 80.0),
        ("baseline", {"finetune": True}, None),
        ("baseline", {"fit": "nearest_means"}, 80.0),
        ("baseline", {"fit": "layer"}, None),
        ("matching", {"distance": "squared"}, None),
        ("pixel_nn", {"neighbours": 4}, None),
        ("cactus", {"base": "protonet", "embedding": "acai"}, 68.12),
        ("cactus", {"base": "protonet", "embedding": "autoencoder"}, None),
    ],
)
def test_a_figure_of_certain_settings_stands_beside_these_alone(learner, settings, accuracy):
    assert figure(learner, hyperparameters=settings) == accuracy


def test_figures_of_the_papers_network_do_not_stand_beside_another_backbone():
    other = result("matching", hyperparameters={"backbone": "resnet12"})
    assert published_for(other) is None
    assert "the paper's network, here backbone=resnet12" in reasons(apart(other), 98.1)


def test_settings_that_differ_are_named_as_typed():
    found = apart(result("baseline", hyperparameters={"finetune": True}))
    assert reasons(found, 80.0) == ("finetune=false, here true",)
    assert reasons(found, 82.3)[0].startswith("the whole network fine-tuned on the supports, then")


def test_full_context_embeddings_have_their_own_figures():
    for full, accuracy in ((False, 43.4), (True, 43.56)):
        settings = {"distance": "cosine", "full_context": full}
        found = result("matching", MINI, hyperparameters=settings)
        assert published_for(found).accuracy == accuracy
        own = [one for one in apart(found) if one.published.accuracy == 46.6]  # Vinyals' own split
        assert "80 / 20 classes, never published, here ravi" in own[0].differences[-1]


def test_conditions_that_do_not_decide_are_named_beside_the_figure():
    (snell,) = [one for one in beside(result("protonet")) if one.published.year == 2017]
    assert snell.differences == (
        "trained on 1,200 characters, here on 1,028",
        "checkpoint: last, here best on validation classes",
        "1,000 test episodes, here 4",
        "trained on 60-way episodes",
    )
    (sung,) = beside(result("relation", USUAL, transductive=True))
    for part in (
        "split: random characters of all alphabets, which is easier",
        "checkpoint: best on test classes, here best on validation classes",
        "1 query per class, here 15",
    ):
        assert part in sung.differences


def test_training_makes_no_difference_to_what_is_not_trained():
    run = replace(made_up().runs[0], train_steps=0, validation_accuracy=None)
    found = result("pixel_nn", MNIST, runs=(run,))
    (quoted,) = beside(found)
    assert (quoted.published.accuracy, quoted.published.source) == (26.5, "Koch et al. 2015")
    elsewhere = replace(found.protocol, trained_on=None)
    assert published_for(replace(found, protocol=elsewhere)).accuracy == 26.5


def test_a_figure_that_was_not_checked_never_stands_in_the_table():
    found = result("logistic", hyperparameters={"embedding": "acai"})
    assert published_for(found) is None
    assert reasons(apart(found), 61.08) == ("this figure was not checked against the paper",)


def test_the_table_of_published_figures_is_sound():
    shapes = {(p.dataset, p.split, p.way, p.shot) for p in registry.protocols()}
    splits = {(dataset, split) for dataset, split, *_ in shapes}
    for row in table():
        assert 0 < row.accuracy < 100, row
        assert row.ci95 is None or 0 < row.ci95 < 5, row
        assert 2000 < row.year < 2100, row
        assert row.learner in registry.names("learners"), row
        for split in row.conditions.splits:  # else it could never be shown
            assert (row.dataset, split) in splits, row
        names = row.conditions.settings
        assert not names or names.keys() & registry.options(row.learner).keys(), row
        assert row.conditions.selection in (
            None,
            "best on validation classes",
            "best on test classes",
            "last",
        )
    keys = [
        (row.learner, row.source, row.dataset, row.way, row.shot, str(row.conditions))
        for row in table()
    ]
    assert len(set(keys)) == len(keys)
