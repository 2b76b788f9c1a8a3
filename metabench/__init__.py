"""metabench: a few-shot meta-learning benchmark in JAX.

A name is imported when it is first asked for: what computes nothing waits for no JAX.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metabench import data, registry
    from metabench.api import evaluate, predict, run, save
    from metabench.compute.episodewise import over_episodes
    from metabench.conformance.report import check
    from metabench.contracts.backbone import Backbone
    from metabench.contracts.dataset import Archive, DatasetSpec
    from metabench.contracts.learner import (
        EpisodeLearner,
        Forecaster,
        Foundation,
        Learner,
        Source,
        StreamLearner,
        Training,
    )
    from metabench.contracts.options import (
        POSITIVE,
        TEST_ONLY,
        AtLeast,
        Between,
        FromTo,
        Options,
        with_options,
    )
    from metabench.errors import UserError
    from metabench.learners.common.by_gradient import by_gradient
    from metabench.learners.common.on_host import on_host
    from metabench.nets.pixels import pixels
    from metabench.results.compared import Comparison, compare
    from metabench.results.leaderboard import Leaderboard, leaderboard
    from metabench.results.result import Result, SeedRun
    from metabench.sweeps.api import sweep
    from metabench.sweeps.sweep import Sweep
    from metabench.types import (
        ClassTable,
        Dataset,
        Episode,
        EpisodeShape,
        Forecast,
        Function,
        FunctionShape,
        ImagesShape,
        ImageTaskShape,
        Protocol,
        Split,
        Stream,
        StreamShape,
        TaskShape,
    )

__all__ = [
    "POSITIVE",
    "TEST_ONLY",
    "Archive",
    "AtLeast",
    "Backbone",
    "Between",
    "ClassTable",
    "Comparison",
    "Dataset",
    "DatasetSpec",
    "Episode",
    "EpisodeLearner",
    "EpisodeShape",
    "Forecast",
    "Forecaster",
    "Foundation",
    "FromTo",
    "Function",
    "FunctionShape",
    "ImageTaskShape",
    "ImagesShape",
    "Leaderboard",
    "Learner",
    "Options",
    "Protocol",
    "Result",
    "SeedRun",
    "Source",
    "Split",
    "Stream",
    "StreamLearner",
    "StreamShape",
    "Sweep",
    "TaskShape",
    "Training",
    "UserError",
    "by_gradient",
    "check",
    "compare",
    "data",
    "evaluate",
    "leaderboard",
    "on_host",
    "over_episodes",
    "pixels",
    "predict",
    "registry",
    "run",
    "save",
    "sweep",
    "with_options",
]

_MODULES = ("data", "registry")
_HOMES = {
    "Archive": "contracts.dataset",
    "AtLeast": "contracts.options",
    "Backbone": "contracts.backbone",
    "Between": "contracts.options",
    "ClassTable": "types",
    "Comparison": "results.compared",
    "Dataset": "types",
    "DatasetSpec": "contracts.dataset",
    "Episode": "types",
    "EpisodeLearner": "contracts.learner",
    "EpisodeShape": "types",
    "Forecast": "types",
    "Forecaster": "contracts.learner",
    "Foundation": "contracts.learner",
    "FromTo": "contracts.options",
    "Function": "types",
    "FunctionShape": "types",
    "ImageTaskShape": "types",
    "ImagesShape": "types",
    "Leaderboard": "results.leaderboard",
    "Learner": "contracts.learner",
    "Options": "contracts.options",
    "POSITIVE": "contracts.options",
    "Protocol": "types",
    "Result": "results.result",
    "SeedRun": "results.result",
    "Source": "contracts.learner",
    "Split": "types",
    "Stream": "types",
    "StreamLearner": "contracts.learner",
    "StreamShape": "types",
    "Sweep": "sweeps.sweep",
    "TEST_ONLY": "contracts.options",
    "TaskShape": "types",
    "Training": "contracts.learner",
    "UserError": "errors",
    "by_gradient": "learners.common.by_gradient",
    "check": "conformance.report",
    "compare": "results.compared",
    "evaluate": "api",
    "leaderboard": "results.leaderboard",
    "on_host": "learners.common.on_host",
    "over_episodes": "compute.episodewise",
    "pixels": "nets.pixels",
    "predict": "api",
    "run": "api",
    "save": "api",
    "sweep": "sweeps.api",
    "with_options": "contracts.options",
}


if not TYPE_CHECKING:  # a type checker is to complain of a name that is not there

    def __getattr__(name: str) -> Any:
        """Import the public `name` from where it lives, and keep it here."""
        if name in _MODULES:
            return import_module(f"metabench.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module `metabench` has no attribute `{name}`")
        found = getattr(import_module(f"metabench.{_HOMES[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
