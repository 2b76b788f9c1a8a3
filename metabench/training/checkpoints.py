"""Checkpoints of a meta-training run (Orbax): the newest state, the best one, the history.

A checkpoint is written completely or not at all, so a run that was killed continues
from the last one and ends in the same bits as a run that was not. Its files have checksums
beside them: damage is told, and never trained on. Of several hosts only the first has them, and
tells the others what they hold.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.files import checksums
from metabench.files.cache import full
from metabench.types import PyTree

LOCK, PREVIOUS = ".lock", ".previous"  # what stands beside a folder of checkpoints
PATIENCE = 5.0  # seconds to wait for a process that only reads a finished run


class OtherFormError(UserError):
    """A checkpoint is whole, but its arrays have other names or shapes than they should."""


class TakenError(UserError):
    """Another process trains in the folder of checkpoints."""


class Snapshot(NamedTuple):
    """A run after `step` steps."""

    step: int
    state: PyTree
    best: PyTree
    notes: dict[str, Any]  # JSON: history, best step, seconds so far


class Checkpoints:
    """The checkpoints of one run in `directory`; only the newest is kept."""

    def __init__(self, directory: Path) -> None:
        """Open `directory`, and create it if needed. Raises `UserError` if that is impossible."""
        from metabench.compute.hosts import first, several

        self._manager: Any = None
        if not first():
            return
        import orbax.checkpoint as ocp

        self._ocp, self._directory = ocp, directory
        with _written(directory):
            directory.mkdir(parents=True, exist_ok=True)
        options = ocp.CheckpointManagerOptions(
            max_to_keep=1,
            enable_async_checkpointing=False,
            multiprocessing_options=ocp.options.MultiprocessingOptions(
                primary_host=0,
                active_processes={0} if several() else None,
                barrier_sync_key_prefix="first" if several() else None,
            ),
            create=not several(),
        )
        self._manager = ocp.CheckpointManager(directory.resolve(), options=options)

    def save(self, snapshot: Snapshot) -> None:
        """Write `snapshot` and remove the one before it; `UserError` if that is impossible."""
        from metabench.compute.devices import on_host
        from metabench.compute.hosts import several

        if self._manager is None:
            return
        if several():
            snapshot = snapshot._replace(state=on_host(snapshot.state), best=on_host(snapshot.best))
        save = self._ocp.args
        arrays = save.StandardSave({"state": snapshot.state, "best": snapshot.best})
        notes = save.JsonSave(snapshot.notes)
        with _written(self._directory):
            self._manager.save(snapshot.step, args=save.Composite(arrays=arrays, notes=notes))
            checksums.write(self._directory / str(snapshot.step))

    def newest(self, like: PyTree) -> Snapshot | None:
        """The newest snapshot, its arrays shaped as the state `like`; None if there is none.

        Raises:
          OtherFormError: its states have another form than `like`.
          UserError: it is damaged.
        """
        from metabench.compute.devices import on_host, placed
        from metabench.compute.hosts import first, from_first, json_from_first, several

        if not several():
            return self._newest(like)
        plain = on_host(like)
        found = self._newest(plain) if first() else None
        step, notes = json_from_first((None, {}) if found is None else (found.step, found.notes))
        if step is None:
            return None
        states = (plain, plain) if found is None else (found.state, found.best)
        state, best = from_first(states)
        return Snapshot(step, placed(state, like), best, notes)

    def _newest(self, like: PyTree) -> Snapshot | None:
        step = self._manager.latest_step()
        if step is None:
            return None
        folder = self._directory / str(step)
        file = checksums.damaged(folder)
        if file is not None:
            raise _damaged(self._directory, file)
        try:
            arrays, notes = self._restored(step, {"state": like, "best": like})
        except Exception as error:  # Orbax raises any kind
            if not self._is_readable(step):
                raise _damaged(self._directory, folder) from error
            raise OtherFormError(
                f"the checkpoint {folder} holds states of another form than this training's; "
                f"remove {self._directory} to train again"
            ) from error
        return Snapshot(step, arrays["state"], arrays["best"], notes)

    def _restored(self, step: int, like: PyTree | None) -> tuple[dict[str, PyTree], dict[str, Any]]:
        """Arrays and notes; the arrays are shaped as `like`, or as they were if it is None."""
        restore = self._ocp.args
        arrays = restore.StandardRestore(like)
        found = self._manager.restore(
            step, args=restore.Composite(arrays=arrays, notes=restore.JsonRestore())
        )
        return found.arrays, dict(found.notes)

    def _is_readable(self, step: int) -> bool:
        """Whether the checkpoint can be read at all; older ones have no checksums."""
        try:
            self._restored(step, None)
        except Exception:  # Orbax raises any kind
            return False
        return True

    def close(self) -> None:
        """Release the directory."""
        if self._manager is not None:
            self._manager.close()


@contextmanager
def opened(
    directory: Path, resume: bool, note: Callable[[str], None]
) -> Generator[Checkpoints, None, None]:
    """The checkpoints of a run in `directory`; without `resume`, earlier ones are moved away.

    Raises:
      TakenError: another process trains there.
      UserError: nothing can be written.
    """
    from metabench.compute.hosts import first

    if not first():
        yield Checkpoints(directory)
        return
    with _alone(directory):
        aside = None if resume else set_aside(directory)
        if resume and not steps_in(directory):
            note(nothing_to_resume(directory))
        if aside is not None:
            note(f"An earlier run's checkpoint was moved to {aside}; `--resume` continues one.")
        checkpoints = Checkpoints(directory)
        try:
            yield checkpoints
        finally:
            checkpoints.close()


def nothing_to_resume(directory: Path) -> str:
    """What is said where `--resume` finds no checkpoint in `directory`."""
    return (
        f"`--resume` finds no checkpoint of these very settings and lengths in {directory}: this "
        "training begins at its first step."
    )


def steps_in(directory: Path) -> list[int]:
    """The steps of the checkpoints in `directory`: Orbax names their folders by them."""
    found = directory.iterdir() if directory.is_dir() else ()
    return sorted(int(one.name) for one in found if one.name.isdecimal())


@contextmanager
def _alone(directory: Path) -> Generator[None, None, None]:
    """Hold the lock of `directory`, a file beside it; the system frees it when a process ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(directory.with_name(directory.name + LOCK))
    with _written(directory):
        directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=PATIENCE)
            while not Path(lock.lock_file).exists():  # `clean` removed it meanwhile
                lock.release()
                lock.acquire(timeout=PATIENCE)
        except Timeout as error:
            raise TakenError(
                f"another process is training in {directory} with the same settings; wait for it, "
                "or name another `run_dir`"
            ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _written(directory: Path) -> Generator[None, None, None]:
    """Raise `UserError` if `directory` cannot be made or written, or if its disk is full."""
    try:
        yield
    except Exception as error:
        if reason := full(error):
            raise UserError(
                f"`run_dir` {directory} has no room ({reason}); free some there and continue the "
                "run, or name another folder"
            ) from error
        if isinstance(error, OSError):
            raise UserError(
                f"`run_dir` {directory} cannot be written ({error.strerror}); name another folder"
            ) from error
        raise


def _damaged(directory: Path, what: Path) -> UserError:
    """What to do about a damaged file or folder of the checkpoint in `directory`."""
    remedy, earlier = f"remove {directory} to train again", _aside(directory)
    if earlier.is_dir():
        remedy = f"put {earlier} in the place of {directory} to go on from there, or {remedy}"
    state = "is damaged" if what.exists() else "is missing"
    return UserError(f"the checkpoint cannot be read, as {what} {state}; {remedy}")


def set_aside(directory: Path) -> Path | None:
    """Rename the checkpoints of an earlier run, replacing an older copy; None if there are none."""
    if not directory.is_dir() or not any(directory.iterdir()):
        return None
    aside = _aside(directory)
    shutil.rmtree(aside, ignore_errors=True)
    directory.rename(aside)
    return aside


def _aside(directory: Path) -> Path:
    return directory.with_name(directory.name + PREVIOUS)
