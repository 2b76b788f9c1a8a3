"""Checks as tests of pytest: one test for each pair of a plug-in and a check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from metabench.conformance.built import SHAPE
from metabench.conformance.check import BoundCheck, Skipped
from metabench.conformance.suite import dataset_checks, learner_checks
from metabench.contracts.dataset import DatasetSpec
from metabench.registry import AnyLearner
from metabench.types import EpisodeShape, PyTree

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(
    plugins: Iterable[AnyLearner | DatasetSpec],
    *,
    shape: EpisodeShape = SHAPE,
    settings: Mapping[str, Any] | None = None,
) -> pytest.MarkDecorator:
    """A decorator that runs a test once for each pair of a plug-in and a check.

    The test takes one argument, `check`, and calls it. Its name in pytest is that of the plug-in
    and of the check, such as `test_mine[mine-vmap]`. A check that does not apply is skipped, and
    pytest shows the reason. Nothing is built or compiled while tests are collected.

    Args:
      plugins: learners, named as for `learner_checks`, and specifications of datasets.
      shape: of the learners' episodes; streams have its `way` and `image`.
      settings: hyperparameters of the learners; None: for a name `small_settings`, else the
        defaults.

    Example:
      >>> from metabench.conformance import parametrize_with_checks
      >>> @parametrize_with_checks(["pixel_nn"])
      ... def test_learner(check):
      ...     check()
    """
    import pytest

    sources: dict[str, PyTree] = {}
    checks: list[BoundCheck] = []
    for plugin in plugins:
        if isinstance(plugin, DatasetSpec):
            checks += dataset_checks(plugin)
        else:
            checks += learner_checks(plugin, shape=shape, settings=settings, sources=sources)
    cases = [pytest.param(skipping(check), id=check.id) for check in checks]
    return pytest.mark.parametrize("check", cases)


def skipping(check: BoundCheck) -> Callable[[], None]:
    """`check` for pytest, which is told of it where the check does not apply."""

    def run() -> None:
        import pytest

        __tracebackhide__ = True
        try:
            check()
        except Skipped as reason:
            pytest.skip(str(reason))

    return run
