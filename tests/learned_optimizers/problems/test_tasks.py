"""Optimizees by name."""

import pytest

from metabench.errors import UserError
from metabench.learned_optimizers.problems.tasks import build, check_task


def test_a_task_without_data_needs_none():
    assert build("quadratic").digest == ""


def test_unknown_names_are_told():
    with pytest.raises(UserError, match="did you mean `quadratic`"):
        check_task("quadratics")
