"""Every registered learner passes every check, and so do variants by other options.

The convolutions are XLA's own here, which compile in a tenth of the time; that the forms used on
a CPU compute the same is tested in `tests/nets`.
"""

import jax
import numpy as np
import pytest

from metabench import conformance, registry
from metabench.conformance import LEARNER_CHECKS, Subject, learners, small_settings, strokes_tables
from metabench.seeds import root_key
from metabench.types import EpisodeShape
from tests.conformance.names import check_name

REGISTERED = {name: (name, {}) for name in registry.names("learners")}
VARIANTS = {
    "protonet-transductive": ("protonet", {"norm": "batch"}),
    "protonet-train-way": ("protonet", {"train_way": 8, "train_query": 3}),
    "maml-inductive": ("maml", {"norm": "support", "learned_rates": True, "first_order": True}),
    "maml-hidden": ("maml", {"test_norm": "support", "first_order": True}),
    "reptile-inductive": ("reptile", {"norm": "support"}),
    "baseline-fitted": ("baseline", {"finetune": True, "fit_rate": 0.1}),
    "baseline_pp-fitted": ("baseline_pp", {"finetune": True}),
    "relation-transductive": (
        "relation",
        {"norm": "batch", "train_way": 8, "train_query": 3},
    ),
    "supcon-inside-views": ("supcon", {"log_position": "inside", "views": 2, "train_way": 8}),
    "infogan-trunk": ("infogan", {"features": "trunk"}),
    "matching-full-context": ("matching", {"full_context": True, "context_steps": 2}),
}
SHAPE = EpisodeShape(way=5, shot=1, query=5, image=(16, 16, 1))  # the smallest that Conv4 takes
# To whom labels are only names.
METRIC = (
    "acai",
    "autoencoder",
    "baseline",
    "baseline_pp",
    "bigan",
    "cluster_matching",
    "deepcluster",
    "exemplar_svm",
    "infogan",
    "logistic",
    "matching",
    "neural_statistician",
    "pixel_nn",
    "protonet",
    "relation",
    "siamese",
    "supcon",
)
HEAVY = ("finetune", "maml", "meta_lstm", "reptile")  # compile an inner loop over four blocks: slow
# What these options change: whose queries are seen, training episodes, features, what is learned.
VARIANT_CHECKS = (
    learners.check_contract,
    learners.check_vmap,
    learners.check_other_shape,
    learners.check_transductive,
    learners.check_embedding,
    learners.check_loss_falls,
    learners.check_beats_chance,
    learners.check_shuffled_labels,
)
QUICK = {  # of the variants' checks; the others are marked slow
    ("protonet-transductive", learners.check_transductive),
    ("protonet-train-way", learners.check_contract),
    ("protonet-train-way", learners.check_other_shape),
}


@pytest.fixture(scope="module")
def subjects():
    """Subjects by name, each built when first asked for."""
    built, tables = {}, strokes_tables(SHAPE.image)

    def subject(name):
        if name not in built:
            learner, settings = (REGISTERED | VARIANTS)[name]
            settings = small_settings(learner) | settings
            built[name] = Subject(learner, shape=SHAPE, settings=settings, tables=tables)
        return built[name]

    return subject


def cases():
    """Pairs of a learner and a check; ids end in the check, so that one worker runs a learner."""
    for name in REGISTERED | VARIANTS:
        checks = LEARNER_CHECKS if name in REGISTERED else VARIANT_CHECKS
        names = [learners.check_label_names] if name in METRIC else []
        for check in [*checks, *names]:
            slow = name in HEAVY or (name in VARIANTS and (name, check) not in QUICK)
            marks = [pytest.mark.slow] if slow else []
            yield pytest.param(name, check, marks=marks, id=f"{name}-{check_name(check)}")


@pytest.mark.parametrize(("name", "check"), list(cases()))
def test_learner(name, check, subjects):
    check(subjects(name))


def test_what_a_learner_builds_on_is_trained_before_it():
    subject = Subject("cluster_matching", shape=SHAPE)
    first, begun = subject.init(root_key(0)), subject.initial
    assert not np.array_equal(first.kept, begun.kept)
    assert signature_of(first) == signature_of(begun)


def signature_of(tree):
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]


def test_small_settings_are_only_options_that_the_learner_has():
    assert small_settings("protonet") == {"width": 8, "steps": conformance.subject.STEPS}
    assert small_settings("modified_hausdorff") == {"points": 32}
    assert small_settings("pixel_nn") == {}
