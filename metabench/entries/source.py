"""The learner of an entry: its file, or the package that registers it, by version and digest."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import shlex
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from metabench.errors import UserError
from metabench.unpackaged import LearnerEntry

OURS = "metabench"
FOLDER = "source"  # of an entry


class Source(NamedTuple):
    """Where a learner comes from, for an entry."""

    about: dict[str, Any]  # JSON values
    files: dict[str, bytes]  # of the entry, by their path in it


def source_of(entry: LearnerEntry) -> Source:
    """The source of a learner: a copy of its file, or its package's name, version and digest.

    Raises:
      UserError: its function was written where there is no file.
    """
    about: dict[str, Any] = {"name": entry.name, "version": entry.version}
    factory = inspect.unwrap(entry.factory)
    if entry.digest is None:
        module = factory.__module__.split(".")[0]
        name, _, number = entry.version.rpartition(" ")
        about |= {"reference": entry.name}
        about["package"] = {
            "name": name, "version": number, "module": module, "digest": package_digest(module),
        }  # fmt: skip
        return Source(about, {})
    file = Path(inspect.getsourcefile(factory) or "")
    if not file.is_file():
        raise UserError(
            f"`learner` {entry.name} was not written in a file; save it in one, and name it as "
            "path/to/file.py:function"
        )
    place = f"{FOLDER}/{file.name}"
    about |= {"reference": f"{place}:{factory.__name__}", "digest": entry.digest}
    return Source(about, {place: file.read_bytes()})


def reference_of(about: Mapping[str, Any], folder: Path) -> str:
    """What names the learner of the entry in `folder`: a registered name, or its file there."""
    reference: str = about["reference"]
    return reference if "package" in about else str(folder / reference)


def home_of(about: Mapping[str, Any]) -> str:
    """Where a reader finds the learner's code: its package, or its file in the entry."""
    package = about.get("package")
    return about["reference"] if package is None else f"package {package['name']}"


def is_ours(about: Mapping[str, Any]) -> bool:
    """Whether the learner is one of metabench's own: running it runs nobody else's code."""
    return about.get("package", {}).get("name") == OURS


def verify_command(about: Mapping[str, Any], folder: Path) -> str:
    """What somebody types who wants to verify and sign the entry in `folder`."""
    trust = "" if is_ours(about) else "--trust "
    return f"metabench verify {shlex.quote(str(folder))} {trust}--sign NAME"


def unlike_installed(about: Mapping[str, Any]) -> Iterator[str]:
    """What differs between a learner's package here and that of the entry; no code is run."""
    package = about.get("package")
    if package is None:
        return
    name = package["name"]
    try:
        here = version(name)
    except PackageNotFoundError:
        yield f"needs the package {name} {package['version']}, which is not installed"
        return
    if here != package["version"]:
        yield f"needs {name} {package['version']}, but {here} is installed"
    elif not is_ours(about) and package_digest(package["module"]) != package["digest"]:
        yield f"was made with other files of {name} {here} than those that are installed"


def package_digest(module: str) -> str:
    """The sha256 over the Python files of an installed module or package, which is not imported.

    Raises:
      UserError: it is not installed.
    """
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise UserError(f"the package `{module}` is not installed")
    origin = Path(found.origin)
    root = origin.parent if found.submodule_search_locations else origin
    files = sorted(root.rglob("*.py")) if root.is_dir() else [root]
    whole = hashlib.sha256()
    for file in files:
        place = file.relative_to(root).as_posix() if file != root else file.name
        whole.update(f"{place}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()
