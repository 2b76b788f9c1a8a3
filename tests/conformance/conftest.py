"""XLA's own convolutions, which compile faster."""

import pytest

from metabench.compute.native import use_native


@pytest.fixture(autouse=True)
def native():
    with use_native(True):
        yield
