"""Learners that take uneven episodes wrongly are told from those that do not."""

import jax
import jax.numpy as jnp
import pytest

from metabench.conformance import LEARNER_CHECKS, ConformanceError, Skipped, Subject
from metabench.conformance.uneven import check_support_order
from tests.conformance import faults_of_supports
from tests.conformance.faults import breaking
from tests.conformance.right import features, linear

UNEVEN = next(check for check in LEARNER_CHECKS if check.name == "uneven")


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
    ("faults", "why"),
    [
        (
            {
                "adapt": faults_of_supports.counts_supports,
                "predict": faults_of_supports.adds_counts,
            },
            "accuracy must not be lost",
        ),
        ({"adapt": overflows}, "finite logits in uneven episodes"),
    ],
)
def test_a_learner_that_counts_on_equal_numbers_fails(faults, why):
    with pytest.raises(ConformanceError, match=why):
        UNEVEN(Subject(breaking(linear, **faults)))


def test_one_that_reads_the_labels_passes():
    subject = Subject(linear)
    UNEVEN(subject)
    check_support_order(subject)


def test_the_order_of_supports_is_told():
    with pytest.raises(ConformanceError, match="supports in another order"):
        check_support_order(Subject(breaking(linear, adapt=reads_the_first)))


def test_one_that_declares_balance_is_not_asked():
    declared = breaking(linear, adapt=overflows, balanced=lambda whole, shape: True)
    with pytest.raises(Skipped, match="`balanced` is True"):
        UNEVEN(Subject(declared))
