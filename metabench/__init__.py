"""metabench: a few-shot meta-learning benchmark in JAX."""

from metabench import data, registry
from metabench.errors import UserError
from metabench.types import (
    ClassTable,
    Dataset,
    Episode,
    EpisodeShape,
    Learner,
    Protocol,
    Result,
    SeedRun,
    Split,
)

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
