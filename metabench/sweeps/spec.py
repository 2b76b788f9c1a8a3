"""A run as JSON: what an executor hands to another process, and the request that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.sweeps.cells import Run
from metabench.tracks.fewshot.request import Asked, Places, Request

PROGRAMS = "jax_compilation_cache_dir"  # of JAX: the folder of compiled programs
DONE, FAILED, BUSY, PRUNED = "done", "failed", "busy", "pruned"


class Outcome(NamedTuple):
    """What became of one run."""

    state: str  # DONE, FAILED, BUSY (another process is at it) or PRUNED
    sentence: str = ""  # why it failed


def to_spec(
    run: Run, programs: str | None, logs: tuple[str, ...] = (), data: str | None = None
) -> dict[str, Any]:
    """A run as a JSON document, its paths absolute.

    Args:
      run: of a cell.
      programs: folder of compiled programs; None: none are kept.
      logs: where the training is logged, see `training/logs`.
      data: where images lie, see `compute/residence.py`.
    """
    request = run.request
    if not isinstance(request.learner, str):
        raise UserError(
            "a sweep runs in processes of its own: name each learner by its registered name, "
            "`path/to/file.py:function` or `package.module:function`"
        )
    places = request.places
    return {
        "learner": request.learner,
        "tested": asdict(request.tested),
        "settings": dict(request.settings),
        "train": dict(request.train),
        "recipe": request.recipe,
        "seed": request.seed,
        "folder": str(Path.cwd()),  # in which the paths of the request are meant
        "path": str(run.path.resolve()),
        "run_dir": str(places.run_dir.resolve()),
        "archives": None if places.archives is None else str(places.archives.resolve()),
        "cache": None if places.cache is None else str(places.cache.resolve()),
        "programs": programs,
        "logs": list(logs),
        "data": data,
        "trial": None,  # of a search, see `studies.Pointer`
    }


def request_of(spec: Mapping[str, Any]) -> Request:
    """The request in a document from `to_spec`."""
    return Request(
        learner=spec["learner"],
        tested=Asked(**spec["tested"]),
        settings=spec["settings"],
        train=spec["train"],
        recipe=spec["recipe"],
        seed=spec["seed"],
        places=Places(
            Path(spec["run_dir"]),
            None if spec["archives"] is None else Path(spec["archives"]),
            None if spec["cache"] is None else Path(spec["cache"]),
            quiet=True,
        ),
    )
