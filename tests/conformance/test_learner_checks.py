"""Every check of learners fails a learner that breaks it, and passes one that is right."""

import pytest

from metabench.conformance import (
    LEARNER_CHECKS,
    Check,
    ConformanceError,
    Outcome,
    Subject,
    check_label_names,
    check_learner,
)
from tests.conformance import faults, faults_of_queries, faults_of_supports
from tests.conformance.faults import breaking
from tests.conformance.right import embedding, linear, on_linear, remembering, smoothing

CHECKS = {check.name: check for check in (*LEARNER_CHECKS, Check("label_names", check_label_names))}
BROKEN = {
    "logits too wide": (
        "contract", breaking(linear, predict=faults.one_column_more), "floating logits",
    ),
    "logits not finite": (
        "contract", breaking(linear, predict=faults.not_a_number), "finite logits",
    ),
    "task with a string": (
        "contract", breaking(linear, adapt=faults.keeps_a_word), "pytrees of arrays",
    ),
    "always five ways": (
        "other_shape", breaking(linear, adapt=faults.five_ways), "3-way 2-shot",
    ),
    "peeks": (
        "transductive",
        breaking(linear, predict=faults_of_queries.peeks),
        "declared False, but .* moved",
    ),
    "does not peek": (
        "transductive",
        breaking(linear, transductive=lambda whole, shape: True),
        "declared True, but .* did not move",
    ),
    "reads places": (
        "query_order", breaking(linear, predict=faults_of_queries.reads_places), "in another order",
    ),
    "counts supports": (
        "uneven",
        breaking(
            linear,
            adapt=faults_of_supports.counts_supports,
            predict=faults_of_supports.adds_counts,
        ),
        "accuracy must not be lost",
    ),
    "guesses": ("beats_chance", breaking(linear, predict=faults.guesses), "above chance"),
    "ignores labels": (
        "shuffled_labels",
        breaking(linear, adapt=faults.reads_positions),
        "comes from somewhere else",
    ),
    "label positions": (
        "label_names", breaking(linear, adapt=faults.reads_positions), "renaming the labels",
    ),
    "random at running": (
        "deterministic", breaking(linear, predict=faults.draws_from_the_host), "same bits",
    ),
    "random at tracing": (
        "built_twice", breaking(linear, predict=faults.draws_without_a_key), "without a key",
    ),
    "random loss at tracing": (
        "built_twice", breaking(linear, step=faults.train_draws_without_a_key), "without a key",
    ),
    "jit differs": (
        "jit", breaking(linear, predict=faults.notices_tracing), "without `jax.jit`",
    ),
    "vmap differs": (
        "vmap", breaking(linear, predict=faults.notices_batching), "under `jax.vmap`",
    ),
    "retraces": (
        "compiles_once",
        breaking(linear, step=faults.weakens_a_type),
        "must trace `training.step` once .* but traced it 2 times",
    ),
    "takes no shape": ("deterministic", faults.for_numbers, "must be a shape, one or more of"),
    "no loss": ("train_step", breaking(linear, step=faults.reports_nothing), "scalar `loss`"),
    "growing state": ("train_step", breaking(linear, step=faults.grows), "keep the form"),
    "random loss at running": (
        "train_deterministic",
        breaking(linear, step=faults.loss_from_the_host),
        "`training.step` must return the same bits",
    ),
    "nothing to learn": (
        "learns",
        breaking(linear, init=faults.has_nothing_to_learn, training=faults.trains_nothing),
        "must hold learned arrays",
    ),
    "does not learn": (
        "learns", breaking(linear, step=faults.stands_still), "must change the learned arrays",
    ),
    "learns the wrong way": (
        "loss_falls", breaking(linear, step=faults.learns_the_wrong_way), "the loss must fall",
    ),
    "loss stays": (
        "loss_falls", breaking(linear, step=faults.stands_still), "the loss must fall",
    ),
    "stream with a string": (
        "stream_contract",
        breaking(remembering, init=faults.first_state_with_a_word),
        "pytree of arrays",
    ),
    "stream too short": (
        "stream_contract", breaking(remembering, answer=faults.answers_in_one_row), "must return",
    ),
    "stream not finite": (
        "stream_contract", breaking(remembering, answer=faults.answers_not_a_number), "finite logi",
    ),
    "stream does not learn": (
        "stream_training",
        breaking(remembering, step=faults.stands_still),
        "must change the learned arrays",
    ),
    "growing state of streams": (
        "stream_training", breaking(remembering, step=faults.grows), "keep the form",
    ),
    "looks ahead": (
        "stream_causal", breaking(remembering, answer=faults.looks_ahead), "not depend on later",
    ),
    "no deviation": (
        "forecast_contract",
        breaking(smoothing, forecast=faults.is_too_sure),
        "`forecast` must return a finite mean and a positive deviation",
    ),
    "no Gaussians": (
        "forecast_contract",
        breaking(smoothing, predict=faults.predicts_means_alone),
        "`predict` must return a `Forecast`",
    ),
    "one point": (
        "forecast_contract",
        breaking(smoothing, predict=faults.predicts_one_point),
        "`predict` must return a finite mean and a positive deviation",
    ),
    "forecaster with a string": (
        "forecast_contract",
        breaking(smoothing, init=faults.first_state_with_a_word),
        "pytrees of arrays",
    ),
    "infinite loss": (
        "forecast_training",
        breaking(smoothing, step=faults.reports_infinity),
        "loss on functions must be finite",
    ),
    "no loss on functions": (
        "forecast_training", breaking(smoothing, step=faults.reports_nothing), "scalar `loss`",
    ),
    "no training on functions": (
        "forecast_training",
        breaking(smoothing, training=faults.nothing),
        "must have a `training`",
    ),
    "nothing to learn from functions": (
        "forecast_training",
        breaking(smoothing, init=faults.has_nothing_to_learn, training=faults.trains_nothing),
        "must hold learned arrays",
    ),
    "knows the next value": (
        "forecast_causal",
        breaking(smoothing, forecast=faults.knows_what_it_forecasts),
        "not depend on their own value",
    ),
    "features as a map": (
        "embedding", breaking(linear, embed=faults.embeds_as_a_map), "finite features",
    ),
    "features of the batch": (
        "embedding_alone",
        breaking(linear, embed=faults.embeds_relative_to_the_batch),
        "must not depend on",
    ),
    "traces of two lengths": (
        "trace",
        breaking(linear, trace=faults.traces_another_number_of_steps),
        "inner steps, any number",
    ),
    "source without an embedding": (
        "source",
        breaking(on_linear, source=faults.source_without_an_embedding),
        "must have an `embed`",
    ),
    "source of another name": (
        "source",
        breaking(on_linear, source=faults.source_of_another_name),
        "must be the learner that its name `pixel_nn`",
    ),
    "another form kept": (
        "keep", breaking(on_linear, keep=faults.keeps_in_another_form), "keep the form",
    ),
    "nothing kept": (
        "keep", breaking(on_linear, keep=faults.keeps_what_it_had), "that it was given",
    ),
    "members of no image": (
        "relabel",
        breaking(on_linear, relabel=faults.relabels(members=lambda table: table.members + 1)),
        "`members` of the constructed table must be indices of its 1920 images",
    ),
    "empty classes": (
        "relabel",
        breaking(on_linear, relabel=faults.relabels(class_ids=lambda table: table.class_ids[:9])),
        "one for each of 96 classes",
    ),
    "classes of one number": (
        "relabel",
        breaking(
            on_linear, relabel=faults.relabels(class_ids=lambda table: 0 * table.class_ids)
        ),
        "give each class a number of its own",
    ),
    "option by position": ("options", faults.with_a_loose_option, r"write `\*` before `width`"),
    "option without a default": ("options", faults.without_a_default, "must have a default"),
    "default of another type": (
        "options", faults.with_a_strange_default, "`width` is None; it must be a whole number",
    ),
    "option of any type": ("options", faults.with_any_value, "it takes every value"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_learner_fails_the_check_that_is_meant(fault):
    check, factory, sentence = BROKEN[fault]
    with pytest.raises(ConformanceError, match=sentence):
        CHECKS[check](Subject(factory))


def test_every_check_has_a_learner_that_fails_it():
    assert {check for check, _, _ in BROKEN.values()} == set(CHECKS)


NO_EPISODES = "takes no `EpisodeShape`"
ABLE = {  # learner -> what it cannot do -> the reason
    embedding: {
        "stream_": "takes no `StreamShape`",
        "forecast_": "takes no `FunctionShape`",
        "trace": "has no `trace`",
        "source": "builds on no other learner: its `foundation` is None",
        "keep": "builds on no other learner: its `foundation` is None",
        "relabel": "builds on no other learner: its `foundation` is None",
    },
    remembering: {
        "contract": NO_EPISODES,
        "other_shape": NO_EPISODES,
        "transductive": NO_EPISODES,
        "query_order": NO_EPISODES,
        "uneven": NO_EPISODES,
        "beats_chance": NO_EPISODES,
        "shuffled_labels": NO_EPISODES,
        "forecast_": "takes no `FunctionShape`",
        "loss_falls": NO_EPISODES,
        "embedding": NO_EPISODES,
        "trace": NO_EPISODES,
        "source": NO_EPISODES,
        "keep": NO_EPISODES,
        "relabel": NO_EPISODES,
    },
}
ABLE[smoothing] = ABLE[remembering] | {"stream_": "takes no `StreamShape`"}
del ABLE[smoothing]["forecast_"]


@pytest.mark.parametrize("learner", ABLE)
def test_a_right_learner_passes_and_what_it_cannot_do_is_skipped(learner):
    expected = []
    for check in LEARNER_CHECKS:
        reasons = [why for name, why in ABLE[learner].items() if check.name.startswith(name)]
        status = "skipped" if reasons else "passed"
        expected.append(Outcome(check.name, status, *reasons[:1]))
    assert check_learner(learner) == expected


def test_label_names_of_a_right_learner():
    CHECKS["label_names"](Subject(linear))


@pytest.mark.parametrize("check", ["source", "keep", "relabel"])
def test_a_learner_that_builds_on_another_passes(check):
    CHECKS[check](Subject(on_linear))


def test_who_always_says_the_same_is_at_chance():
    CHECKS["shuffled_labels"](Subject(breaking(linear, predict=faults.always_the_same)))
