"""Result documents of every track: read in one place, whatever version wrote them.

The tracks are few-shot episodes and streams (`fewshot`), functions (`forecast`), learned
optimizers (`optimizers`), and causes told from effects (`causal`). Their documents share a head
(`head.schema.json`); each track has a schema for the rest. Fields are only added, and a document of
an earlier version is read as one of the present version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.results import schemas

HEAD = "results/head.schema.json"


class Track(NamedTuple):
    """The documents of one track."""

    version: int  # that is written now
    schema: str
    upgrade: Callable[[dict[str, Any]], None]  # a document of any earlier version, in place


class Head(NamedTuple):
    """What the documents of all tracks have in common."""

    track: str
    learner: str
    learner_version: str
    learner_digest: str | None
    protocol: str  # its id
    seeds: tuple[int, ...]
    recipe: str  # its name
    digests: Mapping[str, str]  # of data, split and test tasks, by their fields
    command: str
    environment: Mapping[str, Any]
    created: str


def loaded(text: str, name: str = "result") -> dict[str, Any]:
    """The document in `text`, as the present version of its track has it.

    Raises:
      UserError: it is not JSON, is of a later version, or a field is missing or wrong; the error
        calls it `name`.
    """
    document = _parsed(text, name)
    if isinstance(document, dict):
        track = _track_of(document)
        if track is not None and _is_earlier(document, track, name):
            track.upgrade(document)
            document["schema_version"] = track.version
    schemas.check(document, HEAD, name, "a result file")
    schemas.check(document, TRACKS[document["track"]].schema, name, "a result file")
    return document


def read(path: Path) -> dict[str, Any]:
    """The document in the file `path`; errors as those of `loaded`, and if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error
    return loaded(text, str(path))


def head_of(document: Mapping[str, Any]) -> Head:
    """The head of a document from `loaded`."""
    names = ("dataset_digest", "split_digest", "episode_digest")
    return Head(
        track=document["track"],
        learner=document["learner"],
        learner_version=document["learner_version"],
        learner_digest=document.get("learner_digest"),
        protocol=document["protocol"]["id"],
        seeds=tuple(document["seeds"]),
        recipe=document["recipe"]["name"],
        digests={name: document[name] for name in names if name in document},
        command=document["command"],
        environment=document["environment"],
        created=document["created"],
    )


def _parsed(text: str, name: str) -> Any:
    try:
        # NaN and Infinity become text, so that the schema refuses them with the field's name.
        document = json.loads(text, parse_constant=str)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()  # fails with halves of letters
    except json.JSONDecodeError as error:
        raise UserError(f"{name} is not JSON (line {error.lineno}: {error.msg})") from error
    except (ValueError, RecursionError) as error:  # endless digits, nesting, halves of letters
        raise UserError(f"{name} is not readable JSON ({type(error).__name__})") from error
    return document


def _track_of(document: Mapping[str, Any]) -> Track | None:
    """The track of a document of any version; None if it names none that there is."""
    named = document.get("track")
    if named is None:  # before documents named it
        named = {"forecast": "forecast", "optimizer": "optimizers"}.get(
            str(document.get("kind")), "fewshot"
        )
    return TRACKS.get(named) if isinstance(named, str) else None


def _is_earlier(document: Mapping[str, Any], track: Track, name: str) -> bool:
    """Whether a document is of an earlier version that can be read; `UserError` if of none."""
    version = document.get("schema_version", track.version)
    if version == track.version:
        return False
    if not isinstance(version, int) or version not in range(_FIRST[track.schema], track.version):
        raise UserError(
            f"{name} has `schema_version` {version!r}, but this metabench reads {track.version}; "
            "install the version that wrote it"
        )
    return True


def _upgrade_fewshot(document: dict[str, Any]) -> None:
    document["track"] = "fewshot"
    runs = document.get("runs")
    if isinstance(runs, list):
        document["seeds"] = [run.get("seed") for run in runs if isinstance(run, dict)]


def _upgrade_forecast(document: dict[str, Any]) -> None:
    document.pop("kind", None)
    document["track"] = "forecast"
    if isinstance(document.get("run"), dict):
        document["seeds"] = [document["run"].get("seed")]


def _upgrade_optimizers(document: dict[str, Any]) -> None:
    document.pop("kind", None)
    digest = document.pop("data_digest", "")
    if digest:
        document["dataset_digest"] = digest
    training = document.get("optimizer")
    training = training if isinstance(training, dict) else {}
    document.update(optimizer_head(training, document.get("further_seeds", [])))
    if isinstance(document.get("protocol"), dict):
        version = document["protocol"].get("version")
        document["protocol"]["id"] = optimizer_protocol(str(document.get("task")), version)


def optimizer_head(
    training: Mapping[str, Any], further: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The head's fields of a learned optimizer, from what its file says of its trainings."""
    packages = training.get("environment", {}).get("packages", {})
    return {
        "track": "optimizers",
        "learner": training.get("name"),
        "learner_version": f"metabench {packages.get('metabench', 'unknown')}",
        "hyperparameters": training.get("plan"),
        "recipe": {"name": training.get("recipe")},
        "seeds": [one.get("seed") for one in (training, *further)],
    }


def optimizer_protocol(task: str, version: object) -> str:
    """The id of the protocol by which optimizers are compared on a task."""
    return f"optimizers-{task}-v{version}"


TRACKS = {
    "fewshot": Track(3, "results/fewshot.schema.json", _upgrade_fewshot),
    "forecast": Track(2, "results/forecast.schema.json", _upgrade_forecast),
    "optimizers": Track(3, "results/optimizers.schema.json", _upgrade_optimizers),
    "causal": Track(1, "results/causal.schema.json", lambda document: None),
}
_FIRST = {  # the first version of each track that can be read
    "results/fewshot.schema.json": 2,
    "results/forecast.schema.json": 1,
    "results/optimizers.schema.json": 1,
    "results/causal.schema.json": 1,
}
