"""The observer of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from metabench.training.loop import Report, Trained
from metabench.types import PyTree


@dataclass(frozen=True)
class Watcher:
    """Functions that a run calls to report what it does. Each of them may be left out."""

    training: Callable[[int, Report], None] = lambda seed, report: None
    trained: Callable[[int, Trained], None] = lambda seed, trained: None
    evaluating: Callable[[int, int, int], None] = lambda seed, done, total: None
    canaries: Callable[[int, int], None] = lambda done, total: None
    note: Callable[[str], None] = lambda text: None
    tested: Callable[[int, PyTree], None] = lambda seed, state: None


def always_resuming(watcher: Watcher) -> Watcher:
    """The same for a command that continues whatever it finds: it has no `--resume` to speak of."""

    def note(text: str) -> None:
        if not text.startswith("`--resume`"):
            watcher.note(text)

    return replace(watcher, note=note)
