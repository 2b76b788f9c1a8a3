"""Every check of metabench is a test of its own."""

from metabench_ridge import ridge

from metabench.conformance import parametrize_with_checks


@parametrize_with_checks([ridge])
def test_ridge(check):
    check()
