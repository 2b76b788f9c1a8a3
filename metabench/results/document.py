"""Result <-> canonical JSON. Computes nothing.

The same result gives the same bytes: sorted keys, one line for each array of numbers.
`result.schema.json` beside this file is the format; `from_json` checks it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabench.errors import UserError
from metabench.files.canonical import canonical, fingerprint
from metabench.files.publish import write_text
from metabench.results.result import Result, SeedRun
from metabench.types import Protocol

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

SCHEMA_VERSION = 2
OPTIONAL = ("by_presentation", "nan_episodes", "alike_answers", "high_loss")  # of a run
COUNT = {"type": "integer", "minimum": 0}  # of the schema's long arrays


def to_json(result: Result) -> str:
    """The canonical text of `result`."""
    document = {"schema_version": SCHEMA_VERSION, **asdict(result)}
    document["protocol"]["id"] = result.protocol.id
    _leave_out(document, "learner_digest")
    _leave_out(document, "training_split_digest")
    _leave_out(document, "presented")
    _leave_out(document["protocol"], "labels")
    _leave_out(document["protocol"], "min_images")
    for name in ("independent", "grey", "shot_spread", "query_spread"):
        if not document["protocol"][name]:
            del document["protocol"][name]
    for run in document["runs"]:
        for name in OPTIONAL:
            _leave_out(run, name)
    return canonical(document)


def _leave_out(document: dict[str, Any], name: str) -> None:
    """Drop an optional field where it says nothing."""
    if document[name] is None:
        del document[name]


def schema() -> dict[str, Any]:
    """The JSON Schema of a result file."""
    return json.loads(files("metabench.results").joinpath("result.schema.json").read_text("utf-8"))


def from_json(text: str, name: str = "result") -> Result:
    """The result in `text`.

    Raises:
      UserError: it is not JSON, has another schema version, or a field is missing or wrong;
        the error calls it `name`.
    """
    try:
        # NaN and Infinity become text, so that the schema refuses them with the field's name.
        document = json.loads(text, parse_constant=str)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()  # fails with halves of letters
    except json.JSONDecodeError as error:
        raise UserError(f"{name} is not JSON (line {error.lineno}: {error.msg})") from error
    except (ValueError, RecursionError) as error:  # endless digits, nesting, halves of letters
        raise UserError(f"{name} is not readable JSON ({type(error).__name__})") from error
    _check_version(document, name)
    _check_schema(document, name)
    _check_counts(document, name)
    document.pop("schema_version")
    document["protocol"].pop("id")
    document["protocol"] = Protocol(**document["protocol"])
    if "presented" in document:
        document["presented"] = tuple(map(tuple, document["presented"]))
    document["runs"] = tuple(SeedRun(**{**run, **_tuples(run)}) for run in document["runs"])
    return Result(**document)


def _tuples(run: dict[str, Any]) -> dict[str, Any]:
    """The counts of a run as tuples."""
    found: dict[str, Any] = {"correct": tuple(run["correct"])}
    if "by_presentation" in run:
        found["by_presentation"] = tuple(map(tuple, run["by_presentation"]))
    return found


def _check_version(document: object, name: str) -> None:
    """Refuse a file of another version before its fields are checked."""
    if not isinstance(document, dict):
        return  # the schema reports it
    version = document.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{name} has `schema_version` {version!r}, but this metabench reads {SCHEMA_VERSION}; "
            "install the version that wrote it"
        )


def _check_schema(document: object, name: str) -> None:
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(document))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the document"
        raise UserError(f"{name} is not a result file: {where}: {error.message}") from error


@cache
def _validator() -> Validator:
    """Of the schema, once for all files: a leaderboard reads dozens."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    one_by_one = Draft202012Validator.VALIDATORS["items"]

    def items(validator: Any, wanted: Any, found: Any, within: Any) -> Iterator[Any]:
        """Counts are looked at in one go where nothing is wrong with them."""
        if not (wanted == COUNT and isinstance(found, list) and all(map(_is_count, found))):
            yield from one_by_one(validator, wanted, found, within)

    return extend(Draft202012Validator, {"items": items})(schema())


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _check_counts(document: dict[str, Any], name: str) -> None:
    """Check what a schema cannot: all episodes are there, and the accuracy fits the counts."""
    protocol = document["protocol"]
    named = Protocol(**{key: value for key, value in protocol.items() if key != "id"}).id
    if protocol["id"] != named:
        raise UserError(
            f"{name} is not a result file: protocol/id is {protocol['id']}, but its fields are "
            f"those of {named}"
        )
    for kind in ("shot", "query"):
        if (spread := protocol.get(f"{kind}_spread", 0)) and spread >= protocol[kind]:
            raise UserError(
                f"{name} is not a result file: protocol/{kind}_spread is {spread}; it must be "
                f"below `{kind}`, {protocol[kind]}"
            )
    if not _is_counted(document):
        raise UserError(
            f"{name} is not a result file: presented must count all images of each stream where "
            "classes are drawn independently, and be absent elsewhere"
        )
    for number, run in enumerate(document["runs"]):
        for field, wrong in _wrong_counts(protocol, run):
            raise UserError(f"{name} is not a result file: runs/{number}/{field} {wrong}")


def _wrong_counts(protocol: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of a run that do not go with its protocol, and what is wrong with each."""
    correct, episodes = run["correct"], protocol["episodes"]
    queries = protocol["way"] * protocol["query"]
    if len(correct) != episodes or max(correct) > queries:
        yield "correct", f"must hold {episodes} numbers of at most {queries}"
    if not _is_split(protocol, run):
        yield (
            "by_presentation",
            "must split `correct` by presentation, in the online protocol and nowhere else",
        )
    if run.get("nan_episodes", 0) > episodes:
        yield "nan_episodes", f"is {run['nan_episodes']}, but there are {episodes} episodes"
    mean = sum(correct) / (episodes * queries)
    if abs(mean - run["accuracy"]) > 1e-6:
        yield "accuracy", f"is {run['accuracy']}, but its counts give {mean:.6f}"


def _is_split(protocol: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    """Whether the counts by presentation add up; other protocols than the online one have none."""
    rows = run.get("by_presentation", ())
    if protocol.get("labels") is None:
        return not rows
    sums, lengths = [sum(row) for row in rows], {len(row) for row in rows}
    independent = protocol.get("independent", False)
    if sums != run["correct"] or lengths != {protocol["query"] + independent}:
        return False
    return independent or max(map(max, rows)) <= protocol["way"]


def _is_counted(document: Mapping[str, Any]) -> bool:
    """Whether the images by presentation are those of all streams, where they must be given."""
    protocol, rows = document["protocol"], document.get("presented")
    if not protocol.get("independent", False):
        return rows is None
    shape = {(protocol["query"] + 1, protocol["way"] * protocol["query"])}
    if rows is None or len(rows) != protocol["episodes"]:
        return False
    return {(len(row), sum(row)) for row in rows} == shape


def read(path: Path) -> Result:
    """The result in the file `path`; `UserError` names the file and what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error
    return from_json(text, str(path))


def write(result: Result, path: Path) -> None:
    """Write `result` to `path`, completely or not at all."""
    write_text(path, to_json(result))


def default_path(result: Result, root: Path) -> Path:
    """`<root>/<protocol>/<learner>-<settings>.json`, which only the same settings overwrite."""
    seeds = [run.seed for run in result.runs]
    name = run_name(
        result.learner,
        result.hyperparameters,
        result.recipe,
        seeds,
        result.dataset_digest,
        result.learner_digest,
    )
    return root / result.protocol.id / f"{name}.json"


def run_name(
    learner: str,
    hyperparameters: Mapping[str, Any],
    recipe: Mapping[str, Any],
    seeds: Sequence[int],
    dataset_digest: str,
    learner_digest: str | None,
) -> str:
    """`<learner>-<settings>`: runs under one protocol have the same if their settings are."""
    settings = [hyperparameters, recipe, list(seeds), dataset_digest]
    if learner_digest is not None:  # another text of its file is another learner
        settings.append(learner_digest)
    return f"{learner}-{fingerprint(settings)}"
