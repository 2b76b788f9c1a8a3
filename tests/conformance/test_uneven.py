"""Learners that take uneven episodes wrongly are told from those that do not."""

import jax
import jax.numpy as jnp
import pytest

from metabench.conformance import LEARNER_CHECKS, ConformanceError, Skipped, Subject
from metabench.conformance.uneven import check_support_order
from tests.conformance.faults import breaking
from tests.conformance.right import features, linear

UNEVEN = next(check for check in LEARNER_CHECKS if check.name == "uneven")


def divides_by_the_shots(whole, shape):
    def adapt(state, x, y, key):
        totals = jax.nn.one_hot(y, shape.way, axis=0) @ features(state, x)
        return {"state": state, "prototypes": totals / shape.shot}

    return adapt


def takes_as_many_of_each(whole, shape):
    """Supports ordered by label are cut into parts of equal size."""

    def adapt(state, x, y, key):
        found = features(state, x[jnp.argsort(y)]).reshape(shape.way, shape.shot, -1)
        return {"state": state, "prototypes": found.mean(1)}

    return adapt


def overflows(whole, shape):
    """The class of a single support has no deviation, by which it is divided."""

    def adapt(state, x, y, key):
        task = whole.adapt(state, x, y, key)
        member = jax.nn.one_hot(y, shape.way, axis=0)
        alone = (member.sum(1) == 1)[:, None] & (member.sum(1) < shape.shot)[:, None]
        return task | {"prototypes": jnp.where(alone, jnp.inf, task["prototypes"])}

    return adapt


def reads_the_first(whole, shape):
    """The first support of a class is its prototype."""

    def adapt(state, x, y, key):
        first = (y[None] == jnp.arange(shape.way)[:, None]).argmax(1)
        return {"state": state, "prototypes": features(state, x[first])}

    return adapt


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (divides_by_the_shots, "accuracy must stay near"),
        (takes_as_many_of_each, "accuracy must stay near"),
        (overflows, "finite logits in uneven episodes"),
    ],
)
def test_a_learner_that_counts_on_equal_numbers_fails(fault, why):
    with pytest.raises(ConformanceError, match=why):
        UNEVEN(Subject(breaking(linear, adapt=fault)))


def test_one_that_reads_the_labels_passes():
    subject = Subject(linear)
    UNEVEN(subject)
    check_support_order(subject)


def test_the_order_of_supports_is_told():
    with pytest.raises(ConformanceError, match="supports in another order"):
        check_support_order(Subject(breaking(linear, adapt=reads_the_first)))


def test_one_that_declares_balance_is_not_asked():
    declared = breaking(linear, adapt=divides_by_the_shots, balanced=lambda whole, shape: True)
    with pytest.raises(Skipped, match="`balanced` is True"):
        UNEVEN(Subject(declared))
