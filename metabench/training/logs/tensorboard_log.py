"""Event files for TensorBoard, in the folder of the run: `tensorboard/seed0`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metabench.optional import imported
from metabench.training.logs.log import Log, Subject, Values


def opener() -> Callable[[Subject], Log]:
    """`UserError` where tensorboardX is not installed."""
    tensorboard = imported("tensorboardX")

    def opened(subject: Subject) -> Log:
        folder = subject.folder / "tensorboard" / f"seed{subject.seed}"
        writer: Any = None

        def write(step: int, values: Values) -> None:
            nonlocal writer
            if writer is None:  # steps from here on are written anew
                writer = tensorboard.SummaryWriter(str(folder), purge_step=step)
            for name, value in values.items():
                writer.add_scalar(name, value, step)

        return Log(write, lambda: writer.close() if writer is not None else None)

    return opened
