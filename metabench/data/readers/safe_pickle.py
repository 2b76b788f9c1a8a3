"""Unpickles arrays, dicts, lists, ranges, strings and numbers, and nothing else.

A pickle is a program: it calls every function that it names. Here the few names that
numpy's arrays and the dicts of `collections` need lead to our own replacements, and any
other name is refused, so that nothing that the file names is ever looked up, called or given
malicious arguments. It reads pickles of Python 2 and 3, and of numpy before and after 2.0.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from metabench.data.readers.damage import reported
from metabench.errors import UserError

KINDS = "biufSU"  # of arrays: booleans, numbers and text; no objects, no records
DEEPEST = 20  # levels of nested dicts and lists
FARTHEST = 1 << 31  # of a range


def load(path: Path) -> Any:
    """Return what the file holds; text of Python 2 becomes `str`.

    Raises:
        UserError: it is damaged, or asks for anything but arrays, dicts, lists, tuples,
            ranges, strings and numbers.
    """
    with reported(path, "a pickle of arrays"), path.open("rb") as file:
        reader = _Reader(_Whole(file, os.fstat(file.fileno()).st_size), path)
        try:
            return _finished(reader.load(), path)
        except (OSError, UserError):
            raise
        except Exception as error:  # a malicious pickle may raise anything
            raise ValueError(f"{type(error).__name__}: {error}") from error


class _Array:
    """An array under construction: like numpy's, it gets its content after it is made."""

    values: np.ndarray | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, kind, fortran, raw = state
        self.values = _values(raw, kind, shape, "F" if fortran else "C")


class _Kind:
    """The type of an array's elements."""

    def __init__(self, name: str) -> None:
        self.dtype = np.dtype(name)
        if self.dtype.kind not in KINDS or self.dtype.hasobject:
            raise ValueError(f"arrays of type {name[:20]!r} are not read")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order, *fields = state[1:5]
        if any(field is not None for field in fields):
            raise ValueError("arrays of records are not read")
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _Call:
    """A function that a pickle can call and cannot change."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(name)


def _values(raw: Any, kind: Any, shape: tuple[int, ...], order: Any) -> np.ndarray:
    if not isinstance(kind, _Kind) or not isinstance(raw, bytes | bytearray | str):
        raise ValueError("an array is not made of bytes")
    content = raw.encode("latin-1") if isinstance(raw, str) else raw
    return np.frombuffer(content, kind.dtype).reshape(shape, order="F" if order == "F" else "C")


def _reconstruct(subtype: Any, shape: Any, kind: Any) -> _Array:
    if subtype is not _NDARRAY:
        raise ValueError("an array of a class of its own is not read")
    return _Array()


def _from_buffer(raw: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> _Array:
    """An array of protocol 5; since numpy 2.2 its axes may stand in another order in the file."""
    array = _Array()
    found = _values(raw, kind, shape, order)
    array.values = found if order != "K" or axes is None else found.transpose(axes)
    return array


def _scalar(kind: Any, raw: Any) -> Any:
    return _values(raw, kind, (), "C").item()


def _kind(name: Any, align: Any = False, copy: Any = False) -> _Kind:
    return _Kind(name.decode("ascii") if isinstance(name, bytes) else str(name))


def _encode(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"the encoding {encoding!r} is not read")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    return b""


def _dictionary(items: Any = ()) -> dict[Any, Any]:
    """An `OrderedDict`; the items of later Pythons follow."""
    return dict(items)


def _with_default(factory: Any = None) -> dict[Any, Any]:
    """A `defaultdict(list)`, whose items follow."""
    if factory not in (None, _LIST):
        raise ValueError("a defaultdict of anything but lists is not read")
    return {}


def _range(*numbers: Any) -> range:
    """It stays a range: a small file must not make a long list."""
    if not all(type(number) is int and abs(number) <= FARTHEST for number in numbers):
        raise ValueError("a range of anything but small integers is not read")
    return range(*numbers)


def _never(name: str) -> _Call:
    """A type that is named and never called."""

    def refuse(*arguments: Any) -> None:
        raise ValueError(f"{name} is not called")

    return _Call(refuse)


_NDARRAY, _LIST = _never("numpy.ndarray"), _never("list")
_ARRAYS = {"_reconstruct": _Call(_reconstruct), "scalar": _Call(_scalar)}
NAMES = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Call(_kind),
    ("_codecs", "encode"): _Call(_encode),
    ("__builtin__", "bytes"): _Call(_no_bytes),
    ("builtins", "bytes"): _Call(_no_bytes),
    ("collections", "OrderedDict"): _Call(_dictionary),
    ("collections", "defaultdict"): _Call(_with_default),
    ("__builtin__", "list"): _LIST,
    ("builtins", "list"): _LIST,
    ("__builtin__", "xrange"): _Call(_range),
    ("builtins", "range"): _Call(_range),
    **{("numpy.core.multiarray", name): call for name, call in _ARRAYS.items()},
    **{("numpy._core.multiarray", name): call for name, call in _ARRAYS.items()},
    ("numpy.core.numeric", "_frombuffer"): _Call(_from_buffer),
    ("numpy._core.numeric", "_frombuffer"): _Call(_from_buffer),
}


# The unpickler written in Python: the one in C allocates as much memory as a malicious file
# asks for. Nearly all of a file is pixels, which both read at once.
class _Reader(pickle._Unpickler):
    def __init__(self, file: _Whole, path: Path) -> None:
        super().__init__(file, encoding="bytes")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NAMES:
            raise UserError(
                f"`{self._path}` asks for `{f'{module}.{name}'[:80]}` when it is unpickled, and "
                "only arrays, dicts, lists, strings and numbers are read; get the file from "
                "another source"
            )
        return NAMES[module, name]

    def get_extension(self, code: int) -> None:
        raise ValueError("extension codes are not read")

    def persistent_load(self, pid: Any) -> None:
        raise ValueError("references to elsewhere are not read")


class _Whole:
    """A file that never allocates memory for more bytes than it has."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._left:
            raise EOFError(f"it declares {size:,} bytes where {self._left:,} are left")
        self._left -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline()
        self._left -= len(line)
        return line


def _finished(value: Any, path: Path, done: dict[int, Any] | None = None, depth: int = 0) -> Any:
    """Replace stand-ins by arrays and bytes by text; refuse everything else.

    Objects that occur again are not visited again, so that a small file cannot cause
    endless work.
    """
    done = {} if done is None else done
    if id(value) in done:
        return done[id(value)]
    if depth > DEEPEST:
        raise ValueError(f"its lists are nested more than {DEEPEST} times")
    if isinstance(value, dict):
        result: Any = {
            _finished(key, path, done, depth + 1): _finished(inner, path, done, depth + 1)
            for key, inner in value.items()
        }
    elif isinstance(value, list | tuple):
        result = type(value)(_finished(inner, path, done, depth + 1) for inner in value)
    elif isinstance(value, _Array) and value.values is not None:
        result = value.values
    elif isinstance(value, bytes):
        result = value.decode("latin-1")
    elif value is None or isinstance(value, bool | int | float | str | range):
        return value
    else:
        raise ValueError(f"it holds a {type(value).__name__}")
    done[id(value)] = result
    return result
