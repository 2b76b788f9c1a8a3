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
LATER = (
    "horizons",
    "reset_every",
    "preprocess",
)  # not in the names of trainings that do not use them


@dataclass(frozen=True)
class LstmPlan:
    """The LSTM, and how it is meta-trained.

    Raises `UserError` on numbers that make no sense.
    """

    units: int = 20
    layers: int = 2
    scale: float = 0.1  # of updates
    p: float = 10.0  # of the preprocessing of gradients
    preprocess: bool = True  # False: gradients are read as they are
    by_kind: bool = False  # separate weights for parameters of convolutions
    horizon: int = 100  # steps of the optimizer in an episode, and after which it is measured
    horizons: tuple[int, ...] | None = None  # one of these is drawn for each episode instead
    reset_every: int | None = None  # steps after which the LSTM's state begins anew; ours
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
        if isinstance(self.horizons, list):  # as TOML has it
            object.__setattr__(self, "horizons", tuple(self.horizons))
        _check_multiples(self)

    @property
    def read(self) -> float | None:
        """`p`, or None if gradients are read as they are."""
        return self.p if self.preprocess else None

    @property
    def lengths(self) -> tuple[int, ...]:
        """Numbers of steps that an episode of meta-training may have, rising."""
        return self.horizons or (self.horizon,)


def _check_multiples(plan: LstmPlan) -> None:
    """A truncation lies within one horizon and between two restarts of the state."""
    every = () if plan.reset_every is None else (("reset_every", plan.reset_every),)
    lengths = [("horizons" if plan.horizons else "horizon", steps) for steps in plan.lengths]
    for name, steps in (*lengths, *every):
        if steps % plan.truncation:
            raise UserError(
                f"`{name}` is {steps} and `truncation` {plan.truncation}; "
                f"`{name}` must be a multiple of the truncation"
            )


def _check(name: str, kind: object, value: Any) -> None:
    if value is None and str(kind).endswith("| None"):
        return
    kind = str(kind).removesuffix(" | None")
    if kind == "bool":
        if not isinstance(value, bool):
            raise UserError(f"`{name}` is {value!r}; it must be true or false")
    elif kind == "float":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < float("inf"):
            raise UserError(f"`{name}` is {value!r}; it must be a number above 0")
    elif kind == "tuple[int, ...]":
        good = isinstance(value, list | tuple) and all(type(one) is int for one in value)
        if not good or not value or list(value) != sorted(set(value)) or value[0] < 1:
            raise UserError(
                f"`{name}` is {value!r}; it must be whole numbers of 1 or more, rising, "
                "as in [100, 200, 500, 1000]"
            )
    elif not isinstance(value, int) or isinstance(value, bool) or value < 1:
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
    """Name and values of a recipe.

    Args:
      task: whose own recipe it is if none is chosen.
      chosen: the path of a TOML file, or the name of a variant, which is `<task>-<name>.toml`.

    Raises:
      UserError: there is no such recipe, or it is not well formed.
    """
    if chosen is not None and chosen.endswith(".toml"):
        path, name = Path(chosen), chosen
    else:
        stem = task if chosen is None else f"{task}-{chosen}"
        path, name = recipes.folder() / FOLDER / f"{stem}.toml", f"{FOLDER}/{stem}"
    if chosen is None and not path.is_file():
        return "defaults", {}
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
    values = asdict(plan)
    for one in fields(plan):
        if one.name in LATER and values[one.name] == one.default:
            del values[one.name]
    name = canonical.fingerprint([values, task, digest])
    return run_dir / "optimizers" / task / f"lstm-{name}"
