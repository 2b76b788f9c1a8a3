"""The canaries of a run: checks with known answers of its learner, on its test tasks."""

from __future__ import annotations

from collections.abc import Callable

from metabench.contracts.learner import StreamLearner
from metabench.errors import UserError
from metabench.scoring.canaries.canary import Canary
from metabench.scoring.canaries.episodes import episode_canaries
from metabench.scoring.canaries.streams import stream_canaries
from metabench.tracks.fewshot.plan import Plan
from metabench.types import PyTree, StreamShape

EPISODES = 200


def canaries(
    plan: Plan,
    state: PyTree,
    *,
    seed: int = 0,
    episodes: int = EPISODES,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Canary, ...]:
    """Measure every canary that applies to the plan's learner; those that do not say why.

    The tasks, their images and the keys are those of the test, so that what a learner remembers of
    the test is found.

    Args:
      plan: from `plan_run`.
      state: of the plan's learner, trained.
      seed: of what is shuffled.
      episodes: how many test tasks are taken; no more than the protocol has.
      progress: called with how many tasks are done, and how many there are.

    Raises:
      UserError: `episodes` is below 2.
    """
    if episodes < 2:
        raise UserError(f"`episodes` is {episodes}; an interval needs at least 2")
    number = min(episodes, plan.protocol.episodes)
    table, shape, test_seed = plan.tables["test"], plan.shape, plan.protocol.seed

    def done(tasks: int) -> None:
        progress(tasks, number)

    if isinstance(plan.learner, StreamLearner):
        assert isinstance(shape, StreamShape), "a shape of streams has a learner of streams"
        return stream_canaries(
            plan.learner,
            state,
            table,
            shape,
            test_seed=test_seed,
            streams=number,
            seed=seed,
            progress=done,
        )
    assert not isinstance(shape, StreamShape), "and a shape of episodes one of episodes"
    return episode_canaries(
        plan.learner,
        state,
        table,
        shape,
        test_seed=test_seed,
        episodes=number,
        seed=seed,
        progress=done,
    )
