"""metabench: a few-shot meta-learning benchmark in JAX."""

from metabench import data, registry
from metabench.contracts.learner import Learner
from metabench.errors import UserError
from metabench.results.result import Result, SeedRun
from metabench.types import ClassTable, Dataset, Episode, EpisodeShape, Protocol, Split

__all__ = [
    "ClassTable",
    "Dataset",
    "Episode",
    "EpisodeShape",
    "Learner",
    "Protocol",
    "Result",
    "SeedRun",
    "Split",
    "UserError",
    "data",
    "registry",
]
