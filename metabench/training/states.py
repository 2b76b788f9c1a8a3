"""A trained state as one small file of arrays (`.npz`, no pickles). Reading it runs no code.

The file holds the state's arrays by where they stand in it. The form of the state is not in the
file: it is that of a state of the same learner.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import jax
import numpy as np

from metabench.errors import UserError
from metabench.types import PyTree


def packed(state: PyTree) -> bytes:
    """The content of the file of `state`."""
    buffer = io.BytesIO()
    arrays = {name: np.asarray(leaf) for name, leaf in _named(state).items()}
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpacked(content: bytes, like: PyTree, name: str = "the state") -> PyTree:
    """The state in `content`, in the form of `like`.

    Args:
      content: of the file.
      like: a state of the same learner; its values are not used.
      name: of the file, for errors.

    Raises:
      UserError: it is no such file, or its arrays have other names, shapes or types.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {one: file[one] for one in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{name} cannot be read as arrays ({type(error).__name__})") from error
    wanted = _named(like)
    for one in {*wanted, *arrays}:
        found, leaf = arrays.get(one), wanted.get(one)
        if found is None or leaf is None:
            what = "lacks" if found is None else "holds an unknown"
            raise UserError(f"{name} {what} array `{one}`; the learner has another form")
        if (found.shape, found.dtype) != (np.shape(leaf), np.asarray(leaf).dtype):
            raise UserError(
                f"{name} holds `{one}` as {found.dtype} {list(found.shape)}, but the learner has "
                f"{np.asarray(leaf).dtype} {list(np.shape(leaf))}"
            )
    return jax.tree.map_with_path(lambda path, leaf: jax.numpy.asarray(arrays[_name(path)]), like)


def read(path: Path, like: PyTree) -> PyTree:
    """The state in the file `path`, in the form of `like`; errors as those of `unpacked`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    return unpacked(content, like, str(path))


def _named(state: PyTree) -> dict[str, PyTree]:
    return {_name(path): leaf for path, leaf in jax.tree.leaves_with_path(state)}


def _name(path: tuple[jax.tree_util.KeyEntry, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/") or "state"
