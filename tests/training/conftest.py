"""A training that nothing interrupts."""

import pytest

from tests.training.made_up import train


@pytest.fixture(scope="module")
def uninterrupted():
    return train()
