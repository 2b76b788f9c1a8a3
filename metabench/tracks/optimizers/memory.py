"""Whether the losses of an evaluation fit into memory: one number for each instance and step."""

from __future__ import annotations

from metabench.compute import memory
from metabench.contracts.optimizee import Optimizee
from metabench.errors import UserError
from metabench.learned_optimizers.lstm.baselines import BASELINES
from metabench.tracks.optimizers.evaluation import Asked

FLOAT = 4  # bytes of a loss
RUNNING = 2 * FLOAT  # of a loss while a run is computed
DRAWN = 24  # bytes of a loss while curves are made of it: three times in float64


def needed(wanted: Asked, optimizee: Optimizee, seeds: int) -> int:
    """Bytes, about, that an evaluation takes at its height.

    Args:
      wanted: what is evaluated.
      optimizee: the task.
      seeds: how many trainings of the learned optimizer.
    """
    instances, last = wanted.instances or optimizee.instances, wanted.stops[-1]
    learned = seeds * (1 if wanted.reset_every is None else 2) * last
    steady = sum(last for one in BASELINES.values() if not one.falls)
    falling = sum(sum(wanted.stops) for one in BASELINES.values() if one.falls)
    kept = FLOAT * instances * (learned + steady + falling)
    drawn = DRAWN * seeds * instances * last
    return max(kept + drawn, RUNNING * max(instances, optimizee.tuning) * last)


def check_memory(wanted: Asked, optimizee: Optimizee, seeds: int) -> None:
    """`UserError` if an evaluation needs more memory than there is."""
    there, wants = memory.available(), needed(wanted, optimizee, seeds)
    if there is None or wants <= there:
        return
    instances = max(wanted.instances or optimizee.instances, optimizee.tuning)
    raise UserError(
        f"`multiples` reaches {wanted.stops[-1]:,} steps: with the losses of {instances:,} "
        f"instances that takes about {wants / 1e9:,.0f} GB of memory, and {there / 1e9:,.1f} GB "
        "are free; choose smaller multiples or fewer `instances`"
    )
