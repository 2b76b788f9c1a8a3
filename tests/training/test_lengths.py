"""Lengths of a training: those that make no sense are refused."""

import pytest

from metabench.errors import UserError
from metabench.training.lengths import Lengths


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3"])
@pytest.mark.parametrize(
    "name", ["steps", "batch", "validate_every", "validation_episodes", "chunk"]
)
def test_plans_that_make_no_sense(name, value):
    with pytest.raises(UserError, match=f"`{name}` is {value!r}; it must be a whole number"):
        Lengths(**{name: value})
