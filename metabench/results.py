"""Result <-> canonical JSON. Computes nothing.

The same result is the same bytes: sorted keys, one line for each array of numbers.
`result.schema.json` beside this file is the format; reading checks against it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from metabench.errors import UserError
from metabench.types import Protocol, Result, SeedRun

SCHEMA_VERSION = 1


def to_json(result: Result) -> str:
    """The canonical text of `result`."""
    document = {"schema_version": SCHEMA_VERSION, **asdict(result)}
    document["protocol"]["id"] = result.protocol.id
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return re.sub(r"\[[-\d.,\seE+]*\]", _one_line, text) + "\n"


def _one_line(match: re.Match[str]) -> str:
    return re.sub(r"\s+", "", match.group())


def schema() -> dict[str, Any]:
    """The JSON Schema of a result file."""
    return json.loads(files("metabench").joinpath("result.schema.json").read_text("utf-8"))


def from_json(text: str, name: str = "result") -> Result:
    """The result behind `text`.

    Raises:
      UserError: no JSON, another schema version, or a field missing or wrong; `name` is
        what the sentence calls it.
    """
    import jsonschema

    try:
        document = json.loads(text)
        jsonschema.validate(document, schema())
    except json.JSONDecodeError as error:
        raise UserError(f"{name} is not JSON (line {error.lineno}: {error.msg})") from error
    except jsonschema.ValidationError as error:
        where = "/".join(map(str, error.absolute_path)) or "the document"
        raise UserError(f"{name} is not a result file: {where}: {error.message}") from error
    document.pop("schema_version")
    document["protocol"].pop("id")
    document["protocol"] = Protocol(**document["protocol"])
    document["runs"] = tuple(
        SeedRun(**{**run, "correct": tuple(run["correct"])}) for run in document["runs"]
    )
    return Result(**document)


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


def write_text(path: Path, text: str) -> None:
    """Write a file through a temporary one beside it; `UserError` if that cannot be."""
    check_writable(path)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
    ) as temporary:
        try:
            temporary.write(text)
            temporary.flush()
            os.fsync(temporary.fileno())
            os.chmod(temporary.name, 0o644)
            os.replace(temporary.name, path)
        except BaseException as error:
            os.unlink(temporary.name)
            if isinstance(error, OSError):
                raise _unwritable(path, error) from error
            raise


def check_writable(path: Path) -> None:
    """Make the folder of `path`, and raise `UserError` if a file cannot be put there."""
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"`out` {path} cannot be written ({error.strerror}); name another file")


def fingerprint(document: object) -> str:
    """Eight hexadecimal digits of the sha256 of a JSON document: a short name for settings."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def default_path(result: Result, root: Path) -> Path:
    """`<root>/<protocol>/<learner>-<settings>.json`: a rerun replaces, other settings do not."""
    settings = [result.hyperparameters, result.recipe, [run.seed for run in result.runs]]
    return root / result.protocol.id / f"{result.learner}-{fingerprint(settings)}.json"
