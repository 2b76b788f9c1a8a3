"""XLA's own convolutions, which compile faster, but for long trainings that are optimised."""

import pytest

from metabench.compute.native import use_native


@pytest.fixture(autouse=True)
def native(request):
    if "optimised" in request.fixturenames:
        yield
        return
    with use_native(True):
        yield
