"""What the page says of an entry in words, and what it is filtered by. No numbers are made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from metabench.page.view import Training
from metabench.results.diverged import warnings
from metabench.results.result import Result
from metabench.results.status import valid_signatures
from metabench.results.tables import percent


def training_of(result: Result) -> Training:
    """Whether it was trained, or built on another learner's training."""
    if "source" in result.recipe:
        return "pretrained"
    return "trained" if result.trained else "none"


def extra_data_of(result: Result) -> bool:
    """Whether the submitter says that data beyond the training part of the split was used."""
    return bool((result.claims or {}).get("extra_data"))


def facts_of(result: Result) -> list[tuple[str, str]]:
    """Names and texts of an entry's details, in the order of the page."""
    return [
        ("Made by", f"{result.learner_version}, commit {result.environment['commit'][:12]}"),
        ("Measured on", device_of(result.environment)),
        ("Recipe", _recipe(result)),
        ("Hyperparameters", settings(result.hyperparameters)),
        ("Seeds", "; ".join(_seeds(result))),
        ("Data", f"{result.dataset_source}; dataset digest {result.dataset_digest[:12]}"),
        *signatures_of(result),
        ("Canaries", "; ".join(_canaries(result)) or "not measured"),
        *_claims(result),
        *(("Warning", line.removeprefix("WARNING: ")) for line in warnings(result)),
    ]


def device_of(environment: Mapping[str, Any]) -> str:
    """For example `cpu, 2 CPUs, Linux x86_64, jax 0.10.2`."""
    device = environment.get("device", {})
    parts = [str(device.get("kind", "an unknown device"))]
    if "cpus" in environment:
        parts.append(f"{environment['cpus']} CPUs")
    if "platform" in environment:
        parts.append(str(environment["platform"]))
    parts += [
        f"{name} {environment['packages'][name]}"
        for name in ("jax", "metabench")
        if name in environment.get("packages", {})
    ]
    return ", ".join(parts)


def settings(found: Mapping[str, Any]) -> str:
    """`name=value` for each, values as JSON has them."""
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in found.items()
    )


def _recipe(result: Result) -> str:
    train = settings(result.recipe.get("train", {}))
    return f"{result.recipe['name']}" + (f": {train}" if train else "")


def _seeds(result: Result) -> Iterator[str]:
    for run in result.runs:
        step = f", step {run.best_step:,} of {run.train_steps:,}" if run.train_steps else ""
        yield f"seed {run.seed}: {percent(run.accuracy)} ± {percent(run.ci95)} %{step}"


def signatures_of(result: Result | Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who has signed a result, or the document of another track."""
    return [("Signatures", "; ".join(_signatures(result)) or "none: figures are as claimed")]


def _signatures(result: Result | Mapping[str, Any]) -> Iterator[str]:
    for one in valid_signatures(result):
        yield (
            f"{one['status']} by {one['who']}, {one['when'][:10]}, on {one['where']}: "
            f"{one['tasks']:,} tasks of each seed"
        )


def _canaries(result: Result) -> Iterator[str]:
    for one in result.canaries or ():
        figure = "" if one["mean"] is None else f" {percent(one['mean'])} %"
        width = "" if one["ci95"] is None else f" ± {percent(one['ci95'])}"
        verdict = {True: "holds", False: "FAILS", None: "nothing is expected"}[one["holds"]]
        yield f"{one['name']}{figure}{width} (expected: {one['expected']}; {verdict})"


def _claims(result: Result) -> Iterator[tuple[str, str]]:
    """What the submitter says."""
    for name, said in (result.claims or {}).items():
        text = ", ".join(map(str, said)) if isinstance(said, list | tuple) else str(said)
        yield f"Claimed {name.replace('_', ' ')}", text
