"""Recipes: committed hyperparameters and training lengths, one TOML file for each.

A recipe is `<dataset>/<learner>.toml`, or `<dataset>/<learner>-<way>way-<shot>shot.toml` for
one shape, `<dataset>/<learner>-online.toml` for the online protocol,
`functions/<learner>.toml` or `functions/<learner>-<d>d.toml` for forecasts of functions, or
`<dataset>/<learner>-<name>.toml` for `--recipe name`. A file
has a table `learner` (options of the learner) and a table `train` (`Lengths`). Its
header has the command, the expected score, the run time and the paper.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from metabench.errors import UserError, suggest
from metabench.training.lengths import lengths_of

TABLES = ("learner", "train")
FUNCTIONS = "functions"  # the folder of the forecasts' recipes


@dataclass(frozen=True)
class Recipe:
    """The content of a recipe file."""

    name: str  # in messages and results: the path below the recipes' folder, or as given
    learner: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)


def folder() -> Path:
    """Where the recipes are: in the installed package, or in the repository beside it."""
    package = Path(str(files("metabench")))
    packaged = package / "recipe_files"
    return packaged if packaged.is_dir() else package.parent / "benchmarks"


def find(dataset: str, learner: str, way: int, shot: int, chosen: str | None = None) -> Recipe:
    """The recipe for a run; an empty one, named `defaults`, if none is committed.

    Args:
      dataset: name of the dataset.
      learner: name of the learner.
      way: of the protocol.
      shot: of the protocol; 0 for the online protocol, which has its own recipes (`-online`).
      chosen: a TOML file's path, or the name of a variant; None for the usual recipe.

    Raises:
      UserError: there is no such recipe, or it is not well formed.
    """
    kind = f"{shot}shot" if shot else "online"
    general = learner if shot else f"{learner}-online"
    return _find(dataset, learner, (f"{learner}-{way}way-{kind}", general), chosen)


def find_forecast(learner: str, dimensions: int, chosen: str | None = None) -> Recipe:
    """The recipe for forecasts of functions of `dimensions` inputs; otherwise as `find`."""
    return _find(FUNCTIONS, learner, (f"{learner}-{dimensions}d", learner), chosen)


def _find(dataset: str, learner: str, stems: tuple[str, ...], chosen: str | None) -> Recipe:
    """The chosen recipe; without a choice, the first of `stems` that exists."""
    if chosen is None:
        for stem in stems:
            path = folder() / dataset / f"{stem}.toml"
            if path.is_file():
                return read(path, f"{dataset}/{stem}")
        return Recipe("defaults")
    if chosen.endswith(".toml"):
        return read(Path(chosen), chosen)
    path = folder() / dataset / f"{learner}-{chosen}.toml"
    if not path.is_file():
        known = variants(dataset, learner)
        there = f"has these variants: {', '.join(known)}" if known else "has no variants to choose"
        raise UserError(
            f"`recipe` is {chosen!r}{suggest(chosen, known)}, but {learner} on {dataset} {there}; "
            + ("or give" if known else "leave it out, or give")
            + " the path of a .toml file"
        )
    return read(path, f"{dataset}/{path.stem}")


def variants(dataset: str, learner: str) -> tuple[str, ...]:
    """Names that `--recipe` takes for this learner and dataset."""
    found = sorted((folder() / dataset).glob(f"{learner}-*.toml"))
    return tuple(path.stem.removeprefix(f"{learner}-") for path in found)


def read(path: Path, name: str) -> Recipe:
    """Read one file; `UserError` if it cannot be read or holds what a recipe may not hold."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"`recipe` {path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"`recipe` {path} is not TOML: {error}") from error
    for table, content in document.items():
        if table not in TABLES or not isinstance(content, dict):
            raise UserError(
                f"`recipe` {path} has `{table}`; a recipe holds the tables [learner] and [train]"
            )
    lengths_of(document.get("train", {}))
    return Recipe(name, document.get("learner", {}), document.get("train", {}))
