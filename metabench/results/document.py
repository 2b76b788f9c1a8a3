"""Result <-> canonical JSON. Computes nothing.

The same result gives the same bytes: sorted keys, one line for each array of numbers.
`fewshot.schema.json` beside this file is the format; `from_json` checks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from metabench.errors import UserError
from metabench.files.canonical import canonical, fingerprint
from metabench.files.publish import write_text
from metabench.results import head, schemas
from metabench.results.result import Curve, Result, SeedRun
from metabench.types import Protocol

OPTIONAL = (
    "learner_digest", "training_split_digest", "presented", "claims", "canaries", "signatures"
)  # fmt: skip
OPTIONAL_OF_RUN = ("by_presentation", "nan_episodes", "alike_answers", "high_loss", "curve")
SCHEMA = "results/fewshot.schema.json"


def to_json(result: Result) -> str:
    """The canonical text of `result`."""
    version, seeds = head.TRACKS["fewshot"].version, [run.seed for run in result.runs]
    document = {"schema_version": version, "track": "fewshot", "seeds": seeds, **vars(result)}
    document["protocol"] = dict(vars(result.protocol))
    document["runs"] = [dict(vars(run)) for run in result.runs]
    document["protocol"]["id"] = result.protocol.id
    for name in OPTIONAL:
        _leave_out(document, name)
    _leave_out(document["protocol"], "labels")
    _leave_out(document["protocol"], "min_images")
    for name in ("independent", "grey", "shot_spread", "query_spread"):
        if not document["protocol"][name]:
            del document["protocol"][name]
    for run in document["runs"]:
        for name in OPTIONAL_OF_RUN:
            _leave_out(run, name)
        if "curve" in run:
            run["curve"] = vars(run["curve"])
    return canonical(document)


def _leave_out(document: dict[str, Any], name: str) -> None:
    """Drop an optional field where it says nothing."""
    if document[name] is None:
        del document[name]


def schema() -> dict[str, Any]:
    """The JSON Schema of a result file."""
    return schemas.schema(SCHEMA)


def from_json(text: str, name: str = "result") -> Result:
    """The result in `text`.

    Raises:
      UserError: it is not JSON, has another schema version, or a field is missing or wrong;
        the error calls it `name`.
    """
    document = head.loaded(text, name)
    if document["track"] != "fewshot":
        raise UserError(f"{name} is a result of the track {document['track']}, not of few-shot")
    _check_counts(document, name)
    for field in ("schema_version", "track", "seeds"):
        document.pop(field)
    document["protocol"].pop("id")
    document["protocol"] = Protocol(**document["protocol"])
    if "presented" in document:
        document["presented"] = tuple(map(tuple, document["presented"]))
    for name in ("canaries", "signatures"):
        if name in document:
            document[name] = tuple(document[name])
    document["runs"] = tuple(SeedRun(**{**run, **_tuples(run)}) for run in document["runs"])
    return Result(**document)


def _tuples(run: dict[str, Any]) -> dict[str, Any]:
    """The counts and the curve of a run as tuples."""
    found: dict[str, Any] = {"correct": tuple(run["correct"])}
    if "by_presentation" in run:
        found["by_presentation"] = tuple(map(tuple, run["by_presentation"]))
    if "curve" in run:
        found["curve"] = Curve(**{name: tuple(column) for name, column in run["curve"].items()})
    return found


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
    seeds = [run["seed"] for run in document["runs"]]
    if document["seeds"] != seeds:
        raise UserError(f"{name} is not a result file: seeds must be those of the runs, {seeds}")
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
    if wrong := _wrong_curve(run):
        yield wrong
    mean = sum(correct) / (episodes * queries)
    if abs(mean - run["accuracy"]) > 1e-6:
        yield "accuracy", f"is {run['accuracy']}, but its counts give {mean:.6f}"


def _wrong_curve(run: Mapping[str, Any]) -> tuple[str, str] | None:
    """A field of a run's curve that does not go with the others, and what is wrong with it."""
    curve = run.get("curve")
    if curve is None:
        return None
    steps = curve["step"]
    if sorted({*steps}) != steps or steps[-1] > run["train_steps"]:
        return "curve/step", f"must rise to at most {run['train_steps']}, the steps of the training"
    for name, column in curve.items():
        if len(column) != len(steps):
            return f"curve/{name}", f"has {len(column)} values, but there are {len(steps)} steps"
    return None


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
