"""Result <-> canonical JSON. Computes nothing.

The same result is the same bytes: sorted keys, one line for each array of numbers.
`result.schema.json` beside this file is the format; reading checks against it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from metabench.errors import UserError
from metabench.files.canonical import canonical, fingerprint
from metabench.files.publish import write_text
from metabench.results.result import Result, SeedRun
from metabench.types import Protocol

SCHEMA_VERSION = 2


def to_json(result: Result) -> str:
    """The canonical text of `result`."""
    document = {"schema_version": SCHEMA_VERSION, **asdict(result)}
    document["protocol"]["id"] = result.protocol.id
    _leave_out(document["protocol"], "labels")
    for run in document["runs"]:
        _leave_out(run, "by_presentation")
    return canonical(document)


def _leave_out(document: dict[str, Any], name: str) -> None:
    """Drop a field of the online protocol where it says nothing."""
    if document[name] is None:
        del document[name]


def schema() -> dict[str, Any]:
    """The JSON Schema of a result file."""
    return json.loads(files("metabench.results").joinpath("result.schema.json").read_text("utf-8"))


def from_json(text: str, name: str = "result") -> Result:
    """The result behind `text`.

    Raises:
      UserError: no JSON, another schema version, or a field missing or wrong; `name` is
        what the sentence calls it.
    """
    import jsonschema

    try:
        # NaN and Infinity become text, which the schema refuses by the field's name.
        document = json.loads(text, parse_constant=str)
        _check_version(document, name)
        jsonschema.validate(document, schema())
    except json.JSONDecodeError as error:
        raise UserError(f"{name} is not JSON (line {error.lineno}: {error.msg})") from error
    except jsonschema.ValidationError as error:
        where = "/".join(map(str, error.absolute_path)) or "the document"
        raise UserError(f"{name} is not a result file: {where}: {error.message}") from error
    _check_counts(document, name)
    document.pop("schema_version")
    document["protocol"].pop("id")
    document["protocol"] = Protocol(**document["protocol"])
    document["runs"] = tuple(SeedRun(**{**run, **_tuples(run)}) for run in document["runs"])
    return Result(**document)


def _tuples(run: dict[str, Any]) -> dict[str, Any]:
    """The counts of a run as tuples."""
    found: dict[str, Any] = {"correct": tuple(run["correct"])}
    if "by_presentation" in run:
        found["by_presentation"] = tuple(map(tuple, run["by_presentation"]))
    return found


def _check_version(document: object, name: str) -> None:
    """A file of another version is told so before its fields are looked at."""
    if not isinstance(document, dict):
        return  # the schema says so
    version = document.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{name} has `schema_version` {version!r}, but this metabench reads {SCHEMA_VERSION}; "
            "install the version that wrote it"
        )


def _check_counts(document: dict[str, Any], name: str) -> None:
    """What no schema can say: every episode was met, and the accuracy is that of the counts."""
    protocol = document["protocol"]
    episodes, queries = protocol["episodes"], protocol["way"] * protocol["query"]
    for number, run in enumerate(document["runs"]):
        if len(run["correct"]) != episodes or max(run["correct"]) > queries:
            raise UserError(
                f"{name} is not a result file: runs/{number}/correct must hold {episodes} numbers "
                f"of at most {queries}"
            )
        online, rows = protocol.get("labels") is not None, run.get("by_presentation", ())
        if online != bool(rows) or (
            online
            and (
                [sum(row) for row in rows] != run["correct"]
                or {len(row) for row in rows} != {protocol["query"]}
                or max(map(max, rows)) > protocol["way"]
            )
        ):
            raise UserError(
                f"{name} is not a result file: runs/{number}/by_presentation must split `correct` "
                "by presentation, in the online protocol and nowhere else"
            )
        mean = sum(run["correct"]) / (episodes * queries)
        if abs(mean - run["accuracy"]) > 1e-6:
            raise UserError(
                f"{name} is not a result file: runs/{number}/accuracy is {run['accuracy']}, but "
                f"its counts give {mean:.6f}"
            )


def read(path: Path) -> Result:
    """The result in `path`; `UserError` names the file and what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error
    return from_json(text, str(path))


def write(result: Result, path: Path) -> None:
    """Publish `result` at `path`, whole or not at all."""
    write_text(path, to_json(result))


def default_path(result: Result, root: Path) -> Path:
    """`<root>/<protocol>/<learner>-<settings>.json`: a rerun replaces, other settings do not."""
    seeds = [run.seed for run in result.runs]
    settings = [result.hyperparameters, result.recipe, seeds, result.dataset_digest]
    return root / result.protocol.id / f"{result.learner}-{fingerprint(settings)}.json"
