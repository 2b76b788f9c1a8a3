"""Training in the optimizer track, from options to a trained optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError
from metabench.files import publish
from metabench.learned_optimizers.lstm import files
from metabench.results import environment
from metabench.tracks.optimizers.meta_training import meta_train, trained_optimizer
from metabench.tracks.optimizers.plan import LstmPlan, find, lstm_plan, place
from metabench.training.checkpoints import opened
from metabench.training.watcher import Watcher


@dataclass(frozen=True)
class Training:
    """A checked meta-training: `plan_training` refuses everything that can be wrong."""

    task: str
    recipe: str
    plan: LstmPlan
    seed: int
    run_dir: Path

    def folder(self, digest: str) -> Path:
        """The folder of its checkpoints, given the digest of the task's data."""
        return place(self.plan, self.task, digest, self.run_dir)

    def file(self, digest: str) -> Path:
        """The file of the trained optimizer."""
        return self.folder(digest) / f"seed{self.seed}.npz"


def plan_training(
    task: str, recipe: str | None, settings: Mapping[str, Any], seed: int, run_dir: Path
) -> Training:
    """The training of a recipe, with values replaced by `settings`.

    Raises:
      UserError: an unknown name or a value that makes no sense.
    """
    if not 0 <= seed < 2**30:
        raise UserError(f"`seed` is {seed}; it must be at least 0 and below 2^30")
    name, values = find(task, recipe)
    return Training(task, name, lstm_plan({**values, **settings}), seed, run_dir)


def train(
    training: Training, optimizee: Optimizee, *, resume: bool, command: str, watcher: Watcher
) -> files.TrainedOptimizer:
    """Meta-train, and write the optimizer to its file.

    Args:
      training: from `plan_training`.
      optimizee: the task of that name.
      resume: continue from a checkpoint of the same settings; otherwise it is moved away.
      command: the command line, for the file.
      watcher: told of progress.

    Raises:
      UserError: training diverged, or nothing can be written.
    """
    folder = training.folder(optimizee.digest)
    publish.check_writable(training.file(optimizee.digest))
    with opened(folder / f"seed{training.seed}", resume, watcher.note) as checkpoints:
        found = meta_train(
            optimizee,
            training.plan,
            seed=training.seed,
            checkpoints=checkpoints,
            progress=lambda report: watcher.training(training.seed, report),
        )
    watcher.trained(training.seed, found)
    assert found.best_validation is not None
    about = {
        "task": training.task,
        "recipe": training.recipe,
        "plan": asdict(training.plan),
        "seed": training.seed,
        "data_digest": optimizee.digest,
        "best_episode": found.best_step,
        "validation_loss": round(-found.best_validation, 6),
        "train_seconds": round(found.seconds, 1),
        **found.operations(),
        "environment": environment.describe(),
        "command": command,
    }
    trained = trained_optimizer(found, training.plan, about)
    publish.write_bytes(training.file(optimizee.digest), files.packed(trained))
    return trained
