"""Learners that no package registers: a function at hand, in a file, or in an importable module.

A learner of any origin is a `LearnerEntry`; those of packages come from `metabench.registry`. A
backbone before it is built is one too.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from metabench.contracts.learner import LearnerFactory
from metabench.contracts.options import with_options
from metabench.errors import UserError, suggest


class LearnerEntry(NamedTuple):
    """A learner or backbone before it is built: its factory, and where it is from."""

    name: str
    factory: LearnerFactory
    version: str
    digest: str | None = None  # sha256 of its source file; None of a registered learner


def of_function(factory: LearnerFactory) -> LearnerEntry:
    """The entry of a function at hand, named `module.function` by where it was written.

    Raises:
      UserError: something that cannot be called, or has no name, such as a `partial`.
    """
    name = getattr(factory, "__name__", None)
    if not callable(factory) or name is None or not name.isidentifier():
        raise UserError(
            f"`learner` is {factory!r}; it must be a function with a name that takes a shape and "
            "keyword options and returns a learner"
        )
    try:
        file = inspect.getsourcefile(inspect.unwrap(factory))
    except TypeError:
        file = None
    path = Path(file) if file is not None else None
    if path is None or not path.is_file():  # of a notebook, or typed at a prompt
        return LearnerEntry(f"here.{name}", with_options(factory), "unpackaged", _digest(factory))
    return _of_file(f"{path.stem}.{name}", factory, path)


def of_reference(reference: str, noun: str = "learner") -> LearnerEntry:
    """The entry of `path/to/mine.py:factory` or `package.module:factory`.

    Args:
      reference: the path or module, and the name of the function.
      noun: what it names: a `learner` or a `backbone`.

    Raises:
      UserError: the file or module cannot be imported, or has no such function.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        raise UserError(
            f"`{noun}` is {reference!r}; it must be a registered name, `path/to/file.py:function` "
            "or `package.module:function`"
        )
    module = _from_file(place, noun) if place.endswith(".py") else _imported(place, noun)
    factory = getattr(module, name, None)
    if not callable(factory):
        functions = tuple(
            found
            for found, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        )
        raise UserError(
            f"`{noun}` is {reference!r}, but {place} has no function `{name}`"
            f"{suggest(name, functions)}; it has: {', '.join(functions) or 'none'}"
        )
    file = module.__file__
    if file is None:
        return LearnerEntry(f"{module.__name__}.{name}", with_options(factory), "unpackaged")
    return _of_file(f"{Path(place).stem if place.endswith('.py') else place}.{name}", factory, file)


def _of_file(name: str, factory: LearnerFactory, path: Path | str) -> LearnerEntry:
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return LearnerEntry(name, with_options(factory), f"{Path(path).name}, unpackaged", digest)


def _from_file(place: str, noun: str) -> ModuleType:
    """The module in a file, imported again each time: the file may have changed."""
    path = Path(place).expanduser().absolute()
    if not path.is_file():
        raise UserError(f"`{noun}` names the file {place}, but there is none")
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None, "a file that ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # a file may import its neighbours
    before = sys.modules.get(name)
    sys.modules[name] = module  # annotations are looked up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a script may end itself
        raise UserError(_said(place, noun, error)) from error
    finally:
        sys.path.remove(str(path.parent))
        if before is not None:
            sys.modules[name] = before
    return module


def _imported(place: str, noun: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except (Exception, SystemExit) as error:  # a script may end itself
        raise UserError(_said(place, noun, error)) from error


def _said(place: str, noun: str, error: BaseException) -> str:
    kind, text = type(error).__name__, " ".join(str(error).split())
    return f"`{noun}` names {place}, which cannot be imported ({kind}: {text})"


def _digest(factory: LearnerFactory) -> str | None:
    """Of the function's own text; None where there is none."""
    try:
        return hashlib.sha256(inspect.getsource(factory).encode()).hexdigest()
    except (OSError, TypeError):
        return None
