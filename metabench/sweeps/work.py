"""What happens in an executor's process: one run after another, each from its spec to its result.

python -m metabench.sweeps.work  # specs as JSON on standard input, outcomes on standard output
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabench.errors import UserError
from metabench.files.publish import write_text
from metabench.sweeps.files import LOCK, LOG, valid
from metabench.sweeps.spec import BUSY, DONE, FAILED, PROGRAMS, PRUNED, Outcome, request_of
from metabench.sweeps.studies import PrunedError, reporter

if TYPE_CHECKING:
    from metabench.tracks.fewshot.plan import Plan
    from metabench.training.watcher import Watcher


def perform_all(
    specs: Sequence[Mapping[str, Any]],
    cores: int | None = None,
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> list[tuple[str, str]]:
    """Run each spec in this process, which is this function's own.

    Args:
      specs: from `spec.to_spec`.
      cores: how many devices JAX makes of the processor; the last bits of a training depend on it.
      told: of each outcome as it is there.

    Returns:
      State and sentence of each run, as `Outcome` has them.
    """
    if specs:
        os.chdir(specs[0]["folder"])
    _prepare(specs[0]["programs"] if specs else None, cores)
    found = list[Outcome]()
    for spec in specs:
        found.append(perform(spec))
        told(found[-1])
    return [(one.state, one.sentence) for one in found]


def perform(spec: Mapping[str, Any]) -> Outcome:
    """Run one spec: train from the newest checkpoint, test, write; nothing where that was done.

    Whoever else is at the same run holds its lock, and the outcome is `BUSY`.
    """
    from filelock import FileLock, Timeout

    path = Path(spec["path"])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(LOCK), timeout=0):
            return _held(spec, path)
    except Timeout:
        return Outcome(BUSY)
    except OSError as error:
        return Outcome(FAILED, f"{path.parent} cannot be written ({error.strerror})")


def _held(spec: Mapping[str, Any], path: Path) -> Outcome:
    from metabench.training.checkpoints import TakenError

    try:
        return _result(spec, path)
    except TakenError:
        return Outcome(BUSY)
    except PrunedError:
        return Outcome(PRUNED)
    except UserError as error:
        return Outcome(FAILED, str(error))
    except Exception as error:
        log = path.with_suffix(LOG)
        write_text(log, traceback.format_exc())
        lines = str(error).splitlines() or [""]
        return Outcome(FAILED, f"{type(error).__name__}: {lines[0][:200]} (all of it: {log})")


def _result(spec: Mapping[str, Any], path: Path) -> Outcome:
    from metabench.compute.residence import residing
    from metabench.results import document
    from metabench.tracks.fewshot.logging import logged_plan
    from metabench.tracks.fewshot.request import as_command, plan_of
    from metabench.tracks.fewshot.run import execute, place
    from metabench.training.watcher import always_resuming

    request = request_of(spec)
    plan = plan_of(request)
    if Path(*path.parts[-2:]) != place(plan):
        raise UserError(
            f"{request.learner} under {plan.protocol.id} meets other data or another text of its "
            "file here than where it was planned; prepare the same data, and start again"
        )
    if valid(path, plan.seeds, plan.dataset.digest) is not None:
        return Outcome(DONE)
    with logged_plan(_watcher(spec, plan), spec["logs"], plan) as watcher, residing(spec["data"]):
        told = always_resuming(watcher)
        found = execute(plan, resume=True, command=as_command(request), watcher=told)
    document.write(found, path)
    return Outcome(DONE)


def _watcher(spec: Mapping[str, Any], plan: Plan) -> Watcher:
    """What is told of the training: a search, where the run is a trial."""
    from metabench.training.watcher import Watcher

    if spec["trial"] is None:
        return Watcher()
    report = reporter(spec["trial"], plan.lengths.validate_every)
    return Watcher(training=lambda seed, found: report(found.step, found.validation))


def _prepare(programs: str | None, cores: int | None) -> None:
    """JAX as the commands have it, with its programs kept where the sweep keeps them."""
    import warnings

    import jax

    from metabench.compute.devices import use_all_cores
    from metabench.seeds import pin

    pin()
    if programs is not None:
        warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
        jax.config.update(PROGRAMS, programs)
    if cores is None:
        use_all_cores()
    elif "device_count" not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", cores)


def main() -> None:
    """Read one job, say each outcome on a line, and end with the process that started this one."""
    job = json.loads(sys.stdin.readline())
    if job["pinned"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["pinned"])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything else prints goes to standard error

    def told(outcome: Outcome) -> None:
        print(json.dumps(outcome), file=output, flush=True)

    perform_all(job["specs"], job["cores"], told)


def _end_with_parent() -> None:
    """End at once when standard input closes: nobody waits for this process any more."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
