"""The training behind a result file: its plan again, and the state that was tested."""

from __future__ import annotations

from pathlib import Path

from metabench.contracts.learner import foundation_of, train_shape
from metabench.errors import UserError
from metabench.recipes import Recipe
from metabench.registry import AnyLearner
from metabench.results.result import Result
from metabench.tracks.fewshot.plan import Plan, plan_run
from metabench.tracks.fewshot.request import Asked, Places, asked_again, measured
from metabench.training.loop import Selected
from metabench.training.meta_training import initial_state, trained_before
from metabench.training.start import start_from
from metabench.types import Dataset, PyTree


def plan_of(
    result: Result,
    dataset: Dataset,
    training: Dataset,
    run_dir: Path,
    learner: AnyLearner | None = None,
    *,
    trains: bool = False,
) -> Plan:
    """The run that ended in `result`.

    Args:
      result: of any learner.
      dataset: the one that its protocol tests on, prepared.
      training: the one that it was meta-trained on; usually `dataset`.
      run_dir: where the run kept its checkpoints.
      learner: where no package registers it.
      trains: whether the plan is to train again; else it tests what was trained.

    Raises:
      UserError: other data than the result's.
    """
    wanted = result.training_digest or result.dataset_digest
    if training.digest != wanted:
        raise UserError(
            f"the result was trained on data of digest {wanted[:12]}, but dataset "
            f"`{training.name}` has {training.digest[:12]} here: prepare it from the same archives"
        )
    lengths = result.recipe.get("train", {})
    tested = result.recipe.get("trained_for", result.protocol.id) if lengths else None
    return plan_run(
        result.learner if learner is None else learner,
        result.protocol,
        dataset,
        recipe=Recipe(result.recipe["name"]),
        settings=result.hyperparameters,
        lengths=lengths,
        seeds=tuple(run.seed for run in result.runs),
        run_dir=run_dir,
        training_data=training,
        tested_training=None if trains else tested,
    )


def planned(
    result: Result, learner: AnyLearner | None, places: Places, *, trains: bool = False
) -> Plan:
    """As `plan_of`, with the data that the result names, which is prepared where it must be."""
    protocol, dataset, training = measured(Asked(**asked_again(result.protocol)), places)
    assert protocol.id == result.protocol.id
    return plan_of(result, dataset, training, places.run_dir, learner, trains=trains)


def state_of(plan: Plan, seed: int) -> PyTree:
    """The state that a finished run of `plan` tested, from its checkpoints; nothing is trained.

    Raises:
      UserError: they are not there, or are damaged.
    """
    if plan.learner.training is not None:
        folder = plan.folder / f"seed{seed}"
        trained = trained_before(plan.trainee, plan.lengths, folder, seed=seed)
        return trained.selected(plan.lengths.select).state
    source = None if plan.source is None else state_of(plan.source, seed)
    return _begun(plan, source, seed)


def form_of(plan: Plan, seed: int) -> PyTree:
    """A state of the form of those that `plan` tests; its values are not those of any training."""
    source = None if plan.source is None else form_of(plan.source, seed)
    return _begun(plan, source, seed)


def _begun(plan: Plan, source: PyTree, seed: int) -> PyTree:
    """The learner's first state, with what it keeps of its source."""
    state, foundation = initial_state(plan.trainee, seed), foundation_of(plan.learner)
    if foundation is None or foundation.keep is None:
        return state
    kept = foundation._replace(relabel=None)
    drawn = train_shape(plan.learner, plan.shape)
    return start_from(kept, source, plan.tables["train"], drawn, seed).state(state)


def training_of(plan: Plan) -> Selected:
    """What the first seed's training is tested by.

    Raises:
      UserError: a learner without training, or its checkpoints are gone.
    """
    if plan.learner.training is None:
        raise UserError(f"`learner` of the result is {plan.entry.name}, which trains nothing")
    seed = plan.seeds[0]
    trained = trained_before(plan.trainee, plan.lengths, plan.folder / f"seed{seed}", seed=seed)
    return trained.selected(plan.lengths.select)
