"""Lengths of a training: those that make no sense are refused."""

import pytest

from metabench.errors import UserError
from metabench.training.lengths import Lengths, check_steps, lengths_of


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3"])
@pytest.mark.parametrize(
    "name", ["steps", "batch", "validate_every", "validation_episodes", "chunk"]
)
def test_plans_that_make_no_sense(name, value):
    with pytest.raises(UserError, match=f"`{name}` is {value!r}; it must be a whole number"):
        Lengths(**{name: value})


def test_the_tested_state_is_no_matter_of_the_training_and_recorded_where_it_is_the_last():
    best, last = Lengths(steps=7), Lengths(steps=7, select="last")
    assert best.of_training() == last.of_training() == best.recorded()
    assert last.recorded() == best.recorded() | {"select": "last"}
    assert lengths_of(last.recorded()) == last
    with pytest.raises(UserError, match="`select` is 'first'; it must be one of: best, last"):
        Lengths(select="first")


def test_a_schedule_of_another_length_than_the_training_is_refused():
    check_steps({}, Lengths(steps=7))
    check_steps({"steps": 7}, Lengths(steps=7))
    with pytest.raises(UserError, match=r"`--set steps=8` contradicts the training's 7 steps"):
        check_steps({"steps": 8}, Lengths(steps=7))
