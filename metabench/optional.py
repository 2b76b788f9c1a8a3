"""Packages that few need: optional extras, imported by those who need them."""

from __future__ import annotations

import importlib
from typing import Any

from metabench.errors import UserError

EXTRAS = {
    "jinja2": "page",
    "optuna": "optuna",
    "pandas": "pandas",
    "ray": "ray",
    "sklearn": "scikit",
    "joblib": "scikit",
    "submitit": "slurm",
    "tensorboardX": "tensorboard",
    "threadpoolctl": "scikit",
    "wandb": "wandb",
}


def imported(name: str) -> Any:
    """The module `name` of an optional package.

    Raises:
      UserError: it is not installed; the sentence names the extra that brings it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        said = {"sklearn": "scikit-learn", "jinja2": "Jinja"}.get(package, package)
        raise UserError(
            f"this needs {said}, which is not installed: "
            f"`pip install 'metabench[{EXTRAS[package]}]'`"
        ) from error
