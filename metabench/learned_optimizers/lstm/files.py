"""Writes a trained optimizer to one small file, and reads it as an optax transformation."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from metabench.errors import UserError
from metabench.learned_optimizers.lstm.coordinatewise import (
    ALL,
    KindOf,
    Kinds,
    Layer,
    Weights,
    coordinatewise,
    one_kind,
)
from metabench.learned_optimizers.lstm.kinds import by_name
from metabench.learned_optimizers.lstm.restarts import restarting

ABOUT = "about"  # the entry of everything that is not an array
FORMAT = 1


class TrainedOptimizer(NamedTuple):
    """The content of such a file."""

    weights: Kinds
    scale: float
    p: float | None  # of the preprocessing; None: there is none
    about: dict[str, Any]  # what it was trained on and how, JSON values
    reset_every: int | None = None  # steps after which its state begins anew; None: never

    @property
    def task(self) -> str:
        """The task that it was trained on."""
        return self.about["task"]

    @property
    def horizon(self) -> int:
        """The number of steps that it was trained for."""
        return self.about["plan"]["horizon"]

    @property
    def kind_of(self) -> KindOf:
        """One kind if there is one set of weights; else by the names of parameters."""
        return one_kind if set(self.weights) == {ALL} else by_name

    def transformation(self, kind_of: KindOf | None = None) -> optax.GradientTransformation:
        """The optimizer. `kind_of`: for parameters whose names do not show their kind."""
        optimizer = coordinatewise(self.weights, self.scale, self.p, kind_of or self.kind_of)
        return optimizer if self.reset_every is None else restarting(optimizer, self.reset_every)


def packed(trained: TrainedOptimizer) -> bytes:
    """The content of its file (`.npz`, no pickles)."""
    arrays: dict[str, np.ndarray] = {}
    for kind, weights in trained.weights.items():
        for number, layer in enumerate(weights.layers):
            arrays[f"{kind}/{number}/kernel"] = np.asarray(layer.kernel)
            arrays[f"{kind}/{number}/bias"] = np.asarray(layer.bias)
        arrays[f"{kind}/output"] = np.asarray(weights.output)
        arrays[f"{kind}/output_bias"] = np.asarray(weights.output_bias)
    rule = {"format": FORMAT, "scale": trained.scale, "p": trained.p, "about": trained.about}
    rule["reset_every"] = trained.reset_every
    text = json.dumps(rule, sort_keys=True, ensure_ascii=False)
    arrays[ABOUT] = np.frombuffer(text.encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read(path: Path) -> TrainedOptimizer:
    """The optimizer in a file that `metabench optimize train` wrote.

    Raises:
      UserError: it cannot be read, or is another kind of file.
    """
    try:
        # If `np.load` opens a file itself and the file is cut, it leaves it open.
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):  # NumPy would advise to unpickle it
                raise ValueError("its content is no .npz archive")
            file.seek(0)
            with np.load(file, allow_pickle=False) as found:
                arrays = {name: _plain(found, name) for name in found.files}
        rule = json.loads(arrays.pop(ABOUT).tobytes())
        if rule["format"] != FORMAT:
            raise KeyError(f"format {rule['format']}")
        every = rule.get("reset_every")  # older files have none
        found = TrainedOptimizer(_weights(arrays), rule["scale"], rule["p"], rule["about"], every)
        _ = found.task, found.horizon  # raises if they are missing
    except OSError as error:
        raise UserError(f"`optimizer` {path} cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, AttributeError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"`optimizer` {path} is not a trained optimizer ({error}); "
            "`metabench optimize train` writes such files"
        ) from error
    return found


def _plain(archive: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    try:
        return archive[name]
    except ValueError as error:  # of Python objects, which NumPy would advise to unpickle
        raise ValueError(f"`{name}` is no array of numbers") from error


def _weights(arrays: dict[str, np.ndarray]) -> Kinds:
    found = {kind: _of_kind(arrays, kind) for kind in sorted({n.split("/")[0] for n in arrays})}
    if not found:
        raise KeyError("no weights")
    return found


def _of_kind(arrays: dict[str, np.ndarray], kind: str) -> Weights:
    def take(name: str) -> jax.Array:
        return jnp.asarray(arrays[f"{kind}/{name}"])

    count = sum(name.startswith(f"{kind}/") and name.endswith("/kernel") for name in arrays)
    layers = tuple(Layer(take(f"{n}/kernel"), take(f"{n}/bias")) for n in range(count))
    return Weights(layers, take("output"), take("output_bias"))
