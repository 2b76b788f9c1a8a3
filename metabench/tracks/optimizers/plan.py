"""Hyperparameters of a learned optimizer and its meta-training; recipes of them.

A recipe is `benchmarks/optimizers/<task>.toml` with one table, `lstm`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from metabench import recipes
from metabench.errors import UserError, suggest
from metabench.files import canonical

FOLDER = "optimizers"
TABLE = "lstm"


@dataclass(frozen=True)
class LstmPlan:
    """The LSTM, and how it is meta-trained.

    Raises `UserError` on numbers that make no sense.
    """

    units: int = 20
    layers: int = 2
    scale: float = 0.1  # of updates
    p: float = 10.0  # of the preprocessing of gradients
    by_kind: bool = False  # separate weights for parameters of convolutions
    horizon: int = 100  # steps of the optimizer in an episode
    truncation: int = 20  # steps that gradients go back through
    instances: int = 1  # together in an episode
    episodes: int = 1000
    coordinates: int | None = None  # of each array, from which gradients are estimated
    learning_rate: float = 3e-3  # of Adam, at first; it falls to a thirtieth by a cosine
    clip: float = 1.0  # of the meta-gradient's norm
    validate_every: int = 25  # episodes
    validation_instances: int = 10
    chunk: int = 5  # episodes in one compiled call

    def __post_init__(self) -> None:
        for one in fields(self):
            _check(one.name, one.type, getattr(self, one.name))
        if self.horizon % self.truncation:
            raise UserError(
                f"`horizon` is {self.horizon} and `truncation` {self.truncation}; "
                "the horizon must be a multiple of the truncation"
            )


def _check(name: str, kind: object, value: Any) -> None:
    if kind == "bool":
        if not isinstance(value, bool):
            raise UserError(f"`{name}` is {value!r}; it must be true or false")
    elif kind == "float":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < float("inf"):
            raise UserError(f"`{name}` is {value!r}; it must be a number above 0")
    elif not (value is None and kind == "int | None") and (
        not isinstance(value, int) or isinstance(value, bool) or value < 1
    ):
        raise UserError(f"`{name}` is {value!r}; it must be a whole number of 1 or more")


def lstm_plan(values: Mapping[str, Any]) -> LstmPlan:
    """A plan from names and values; `UserError` for a name that it does not have."""
    known = tuple(one.name for one in fields(LstmPlan))
    for name in values:
        if name not in known:
            raise UserError(
                f"the lstm optimizer has no `{name}`{suggest(name, known)}; "
                f"it has: {', '.join(known)}"
            )
    return LstmPlan(**values)


def find(task: str, chosen: str | None = None) -> tuple[str, dict[str, Any]]:
    """Name and values of the recipe of `task`, or of the file that was chosen.

    Raises:
      UserError: there is no such file, or it is not well formed.
    """
    path = recipes.folder() / FOLDER / f"{task}.toml" if chosen is None else Path(chosen)
    if chosen is None and not path.is_file():
        return "defaults", {}
    name = f"{FOLDER}/{task}" if chosen is None else chosen
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"`recipe` {path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"`recipe` {path} is not TOML: {error}") from error
    if set(document) - {TABLE} or not isinstance(document.get(TABLE, {}), dict):
        raise UserError(f"`recipe` {path} must hold one table, [{TABLE}], and nothing else")
    return name, document.get(TABLE, {})


def place(plan: LstmPlan, task: str, digest: str, run_dir: Path) -> Path:
    """The folder of a training's checkpoints and of the trained optimizer."""
    name = canonical.fingerprint([asdict(plan), task, digest])
    return run_dir / "optimizers" / task / f"lstm-{name}"
