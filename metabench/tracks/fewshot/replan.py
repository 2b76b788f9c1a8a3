"""The training behind a result file: its plan again, and the state that was tested."""

from __future__ import annotations

from pathlib import Path

from metabench.errors import UserError
from metabench.recipes import Recipe
from metabench.results.result import Result
from metabench.tracks.fewshot.plan import Plan, plan_run
from metabench.training.loop import Selected
from metabench.training.meta_training import trained_before
from metabench.types import Dataset


def plan_of(result: Result, dataset: Dataset, training: Dataset, run_dir: Path) -> Plan:
    """The run that ended in `result`.

    Args:
      result: of a learner that is meta-trained.
      dataset: the one that its protocol tests on, prepared.
      training: the one that it was meta-trained on; usually `dataset`.
      run_dir: where the run kept its checkpoints.

    Raises:
      UserError: a learner without training, or other data than the result's.
    """
    wanted = result.training_digest or result.dataset_digest
    if training.digest != wanted:
        raise UserError(
            f"the result was trained on data of digest {wanted[:12]}, but dataset "
            f"`{training.name}` has {training.digest[:12]} here: prepare it from the same archives"
        )
    if "train" not in result.recipe:
        raise UserError(f"`learner` of the result is {result.learner}, which trains nothing")
    return plan_run(
        result.learner,
        result.protocol,
        dataset,
        recipe=Recipe(result.recipe["name"]),
        settings=result.hyperparameters,
        lengths=result.recipe["train"],
        seeds=tuple(run.seed for run in result.runs),
        run_dir=run_dir,
        training_data=training,
        tested_training=result.recipe.get("trained_for", result.protocol.id),
    )


def training_of(plan: Plan) -> Selected:
    """What the first seed's training is tested by; `UserError` if its checkpoints are gone."""
    seed = plan.seeds[0]
    trained = trained_before(plan.trainee, plan.lengths, plan.folder / f"seed{seed}", seed=seed)
    return trained.selected(plan.lengths.select)
