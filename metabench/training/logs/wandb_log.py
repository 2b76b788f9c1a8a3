"""Runs of Weights & Biases, one for each seed, in the project `metabench`.

`WANDB_MODE=offline` keeps them in the folder of the run until `wandb sync`; `WANDB_PROJECT` and the
other variables of wandb are its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from metabench.files.canonical import fingerprint
from metabench.optional import imported
from metabench.training.logs.log import Log, Subject, Values

PROJECT = "metabench"


def opener() -> Callable[[Subject], Log]:
    """`UserError` where wandb is not installed."""
    wandb = imported("wandb")

    def opened(subject: Subject) -> Log:
        subject.folder.mkdir(parents=True, exist_ok=True)
        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=fingerprint([str(subject.folder.resolve()), subject.seed]),
            name=f"{subject.name}, seed {subject.seed}",
            dir=str(subject.folder),
            config=dict(subject.settings),
            reinit="create_new",  # others may be open: of seeds that are trained together
            resume="allow",  # wandb keeps what it has of earlier steps
        )

        def write(step: int, values: Values) -> None:
            run.log(dict(values), step=step)

        return Log(write, run.finish)

    return opened
