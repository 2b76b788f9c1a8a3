"""Every registered learner passes every check, and so do variants by other options.

The convolutions are XLA's own here, which compile in a tenth of the time; that the forms used on
a CPU compute the same is tested in `tests/nets`.
"""

import numpy as np
import pytest

from metabench import registry
from metabench.conformance import (
    LEARNER_CHECKS,
    Check,
    Skipped,
    Subject,
    check_label_names,
    check_support_order,
    small_settings,
)
from metabench.conformance.built import STEPS
from metabench.conformance.comparing import same_form
from metabench.seeds import root_key
from metabench.types import EpisodeShape

# Fewer inner steps and smaller layers than by default: they are what these take their time for.
OWN = {
    "finetune": {"inner_steps": 3},
    "maml": {"inner_steps": 2},
    "meta_lstm": {"inner_steps": 3},
    "neural_statistician": {"hidden": 32, "context": 64, "train_way": 8},
    "real_nvp": {"width": 4, "images": 8},
    "reptile": {"inner_steps": 2, "test_steps": 8, "inner_rate": 5e-3},
    "scratch": {"inner_steps": 8, "inner_rate": 5e-3},
}
REGISTERED = {name: (name, {}) for name in registry.names("learners")}
VARIANTS = {
    "protonet-transductive": ("protonet", {"norm": "batch"}),
    "protonet-train-way": ("protonet", {"train_way": 8, "train_query": 3}),
    "maml-inductive": ("maml", {"norm": "support", "learned_rates": True, "first_order": True}),
    "maml-hidden": ("maml", {"test_norm": "support", "first_order": True}),
    "reptile-inductive": ("reptile", {"norm": "support"}),
    "baseline-means": ("baseline", {"fit": "nearest_means"}),
    "baseline_pp-means": ("baseline_pp", {"fit": "nearest_means", "class_factors": False}),
    "relation-transductive": (
        "relation",
        {"norm": "batch", "train_way": 8, "train_query": 3},
    ),
    "supcon-inside-views": ("supcon", {"log_position": "inside", "views": 2, "train_way": 8}),
    "statistician-mixture": (
        "neural_statistician",
        {"posterior": "mixture", "components": 3, **OWN["neural_statistician"]},
    ),
    "protonet-swapout": (
        "protonet",
        {
            "backbone": "swapout",
            "backbone_settings": {"units": 1, "last_rate": 0.2},
            "passes": 2,
            "width": 16,
            "learning_rate": 5e-3,
        },
    ),
    "baseline-fractional": (
        "baseline",
        {"backbone": "fractional", "backbone_settings": {"blocks": 4}, "norm": "group"},
    ),
    "maml-strided": ("maml", {"backbone": "strided4", "first_order": True, "learning_rate": 5e-3}),
    "infogan-trunk": ("infogan", {"features": "trunk"}),
    "matching-full-context": ("matching", {"full_context": True, "context_steps": 2}),
}
SHAPE = EpisodeShape(way=5, shot=1, query=5, image=(16, 16, 1))  # the smallest that Conv4 takes
# To whom labels are only names, and supports a set.
METRIC = (
    "acai",
    "autoencoder",
    "baseline-means",
    "baseline_pp-means",
    "bigan",
    "cluster_matching",
    "deepcluster",
    "exemplar_svm",
    "infogan",
    "logistic",
    "matching",
    "neural_statistician",
    "statistician-mixture",
    "pixel_nn",
    "protonet",
    "real_nvp",
    "relation",
    "siamese",
    "supcon",
)
HEAVY = ("finetune", "maml", "meta_lstm", "reptile")  # compile an inner loop over four blocks: slow
ALIKE = (Check("label_names", check_label_names), Check("support_order", check_support_order))
# What these options change: whose queries are seen, training episodes, features, what is learned.
VARIANT_CHECKS = (
    "contract",
    "vmap",
    "other_shape",
    "transductive",
    "train_step",
    "learns",
    "loss_falls",
    "embedding",
    "embedding_alone",
    "beats_chance",
    "shuffled_labels",
)
# What needs no training and one compilation. The other checks are marked slow.
QUICK = ("options", "contract", "stream_contract", "forecast_contract")


@pytest.fixture(scope="module")
def subjects():
    """Subjects by name, each made when first asked for. They share trained sources."""
    made, sources = {}, {}

    def subject(name):
        if name not in made:
            learner, settings = (REGISTERED | VARIANTS)[name]
            settings = small_settings(learner) | OWN.get(learner, {}) | settings
            made[name] = Subject(learner, shape=SHAPE, settings=settings, sources=sources)
        return made[name]

    return subject


def cases():
    """Pairs of a learner and a check; ids end in the check, so that one worker runs a learner."""
    for name in REGISTERED | VARIANTS:
        every = [
            check for check in LEARNER_CHECKS if name in REGISTERED or check.name in VARIANT_CHECKS
        ]
        for check in [*every, *ALIKE] if name in METRIC else every:
            slow = name in HEAVY or name in VARIANTS or check.name not in QUICK
            marks = [pytest.mark.slow] if slow else []
            yield pytest.param(name, check, marks=marks, id=f"{name}-{check.name}")


@pytest.mark.parametrize(("name", "check"), list(cases()))
def test_learner(name, check, subjects):
    try:
        check(subjects(name))
    except Skipped as reason:
        pytest.skip(str(reason))


def test_what_is_kept_of_a_source_is_in_the_first_state():
    settings = {"embedding": "pixel_nn", "clusters": 60}
    built = Subject("cluster_matching", shape=SHAPE, settings=settings).episodes
    first, begun = built.init(root_key(0)), built.initial
    assert not np.array_equal(first.kept, begun.kept)
    assert same_form(first, begun)


def test_small_settings_are_only_options_that_the_learner_has():
    assert small_settings("protonet") == {"width": 8, "steps": STEPS}
    assert small_settings("modified_hausdorff") == {"points": 32}
    assert small_settings("pixel_nn") == {}
