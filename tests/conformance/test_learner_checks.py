"""Every check of learners fails a learner that breaks it, and passes one that is right."""

from itertools import count

import jax.numpy as jnp
import pytest

from metabench import conformance
from metabench.conformance import LEARNER_CHECKS, ConformanceError, Subject, functions, learners
from tests.conformance.faults import (
    answers_in_one_row,
    breaking,
    draws_from_the_host,
    draws_without_a_key,
    embeds_as_a_map,
    embeds_relative_to_the_batch,
    five_ways,
    grows,
    guesses,
    is_too_sure,
    keeps_a_word,
    knows_what_it_forecasts,
    linear,
    looks_ahead,
    not_a_number,
    notices_batching,
    notices_tracing,
    one_column_more,
    peeks,
    reads_positions,
    reports_nothing,
    stands_still,
    traces_another_number_of_steps,
    train_draws_without_a_key,
    trains_on_values,
    weakens_a_type,
)
from tests.conformance.names import check_name

BROKEN = {
    "logits too wide": (learners.check_contract, {"predict": one_column_more}, "floating logits"),
    "logits not finite": (learners.check_contract, {"predict": not_a_number}, "finite logits"),
    "task with a string": (learners.check_contract, {"adapt": keeps_a_word}, "pytrees of arrays"),
    "no loss": (learners.check_contract, {"train": reports_nothing}, "scalar `loss`"),
    "growing state": (learners.check_contract, {"train": grows}, "keep the form"),
    "random at tracing": (
        learners.check_deterministic, {"predict": draws_without_a_key}, "without a key",
    ),
    "random at running": (
        learners.check_deterministic, {"predict": draws_from_the_host}, "same bits",
    ),
    "random loss": (
        learners.check_deterministic, {"train": train_draws_without_a_key}, "without a key",
    ),
    "jit differs": (learners.check_jit, {"predict": notices_tracing}, "without `jax.jit`"),
    "vmap differs": (learners.check_vmap, {"predict": notices_batching}, "under `jax.vmap`"),
    "retraces": (learners.check_compiles_once, {"train": weakens_a_type}, "was traced 2 times"),
    "features of the batch": (
        learners.check_embedding, {"embed": embeds_relative_to_the_batch}, "must not depend on",
    ),
    "features as a map": (learners.check_embedding, {"embed": embeds_as_a_map}, "finite features"),
    "traces of two lengths": (
        learners.check_trace, {"trace": traces_another_number_of_steps}, "inner steps, any number",
    ),
    "always five ways": (learners.check_other_shape, {"adapt": five_ways}, "3-way 2-shot"),
    "peeks": (learners.check_transductive, {"predict": peeks}, "declared False, but .* moved"),
    "does not peek": (
        learners.check_transductive,
        {"transductive": lambda whole, shape: True},
        "declared True, but .* did not move",
    ),
    "looks ahead": (learners.check_causal, {"stream": looks_ahead}, "not depend on later"),
    "stream too short": (
        learners.check_causal, {"stream": answers_in_one_row}, "finite logits",
    ),
    "knows the next value": (
        functions.check_forecasts,
        {"forecast": knows_what_it_forecasts, "train": trains_on_values},
        "not depend on their own value",
    ),
    "no deviation": (
        functions.check_forecasts,
        {"forecast": is_too_sure, "train": trains_on_values},
        "positive deviation",
    ),
    "no forecast": (
        functions.check_forecasts,
        {"forecast": lambda whole, shape: None},
        "must have `forecast` and `train`",
    ),
    "does not learn": (learners.check_loss_falls, {"train": stands_still}, "the loss must fall"),
    "guesses": (learners.check_beats_chance, {"predict": guesses}, "above chance"),
    "ignores labels": (
        learners.check_shuffled_labels, {"adapt": reads_positions}, "comes from somewhere else",
    ),
    "label positions": (
        learners.check_label_names, {"adapt": reads_positions}, "renaming the labels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("check", [*LEARNER_CHECKS, learners.check_label_names], ids=check_name)
def test_the_unbroken_learner_passes(check, strokes_table):
    check(Subject(linear, tables=strokes_table))


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_learner_fails_the_check_that_is_meant(fault, strokes_table):
    check, changes, sentence = BROKEN[fault]
    subject = Subject(breaking(**changes), tables=strokes_table)
    with pytest.raises(ConformanceError, match=sentence):
        check(subject)


def test_who_always_says_the_same_is_at_chance(strokes_table):
    always = breaking(
        predict=lambda whole, shape: lambda task, x: jnp.eye(shape.way)[:1].repeat(len(x), 0)
    )
    learners.check_shuffled_labels(Subject(always, tables=strokes_table))


def test_every_check_has_a_learner_that_fails_it():
    assert {check for check, _, _ in BROKEN.values()} == {
        *LEARNER_CHECKS,
        learners.check_label_names,
    }


def test_check_learner_runs_them_all(monkeypatch):
    conformance.check_learner("pixel_nn")
    ran = count()
    checks = tuple(lambda subject: next(ran) for _ in range(3))
    monkeypatch.setattr(conformance, "LEARNER_CHECKS", checks)
    conformance.check_learner("pixel_nn", settings={"ink": "bright"})
    assert next(ran) == 3
