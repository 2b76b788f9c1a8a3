"""Prepared datasets: made once as dense arrays, then only mapped into memory.

`prepare` runs a dataset's `examples` and writes them to the cache, in the format of
`metabench.data.arrays`. `load` maps these files: it downloads nothing, decodes nothing
and imports no dataset library. No dataset is known here by name.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from metabench.contracts.dataset import DatasetSpec, Examples, Request
from metabench.data import archives as archives_
from metabench.data import arrays
from metabench.errors import UserError
from metabench.files import cache as cache_
from metabench.files import progress as progress_
from metabench.types import Dataset

LARGEST = 1024  # pixels


def prepare(
    dataset: str | DatasetSpec,
    size: int | None = None,
    archives: Path | str | None = None,
    cache: Path | str | None = None,
    progress: bool = True,
    force: bool = False,
) -> Path:
    """Make the arrays of a dataset unless the cache has them, and return their folder.

    If several processes prepare the same dataset, all wait for the first and use its files.

    Args:
        dataset: a registered name, or a specification.
        size: height and width of the images; None: the dataset's default.
        archives: a folder with archives; None: `METABENCH_ARCHIVES`, else they are downloaded.
        cache: the cache folder; None: `METABENCH_CACHE`, else the platform's own.
        progress: whether to report on standard error.
        force: make the arrays again even if the cache has them.

    Raises:
        UserError: an archive is missing, wrong or damaged, or the cache cannot be written.
    """
    spec = find(dataset)
    size = size_of(spec, size)
    target = folder(spec, size, cache)
    if not force and arrays.read_meta(target) is not None:
        return target
    # One lock for all sizes: they share the scratch folder.
    lock = target.parent / ".lock"
    with cache_.explained(target), cache_.locked(lock, f"preparing {spec.name}", progress):
        if force or arrays.read_meta(target) is None:
            _make(spec, size, target, archives, cache, progress)
    return target


def load(
    dataset: str | DatasetSpec, size: int | None = None, cache: Path | str | None = None
) -> Dataset:
    """Map a prepared dataset into memory.

    Raises:
        UserError: it has not been prepared.
    """
    spec = find(dataset)
    size = size_of(spec, size)
    target = folder(spec, size, cache)
    meta = arrays.read_meta(target)
    if meta is None:
        raise UserError(
            f"`dataset` {spec.name} at `size` {size} is not prepared in {cache_.root(cache)}; "
            f"run `metabench data prepare {spec.name} --size {size}`"
        )
    return Dataset(
        name=spec.name,
        images=arrays.mapped(target, "images"),
        labels=arrays.mapped(target, "labels"),
        class_names=tuple(meta["class_names"]),
        splits={name: read() for name, read in spec.splits.items()},
        default_split=spec.default_split,
        digest=meta["digest"],
        source=meta["source"],
        fixed_episodes=spec.fixed_episodes,
        at=partial(load_or_prepare, spec, cache=cache),
    )


def load_or_prepare(
    dataset: str | DatasetSpec,
    size: int | None = None,
    archives: Path | str | None = None,
    cache: Path | str | None = None,
    progress: bool = True,
) -> Dataset:
    """`prepare` (which does nothing if the dataset is prepared already) and `load`."""
    spec = find(dataset)
    prepare(spec, size, archives, cache, progress)
    another = partial(load_or_prepare, spec, archives=archives, cache=cache, progress=progress)
    return load(spec, size, cache)._replace(at=another)


def is_prepared(
    dataset: str | DatasetSpec, size: int | None = None, cache: Path | str | None = None
) -> bool:
    """Whether `load` would succeed."""
    spec = find(dataset)
    return arrays.read_meta(folder(spec, size_of(spec, size), cache)) is not None


def is_available(
    dataset: str | DatasetSpec,
    size: int | None = None,
    archives: Path | str | None = None,
    cache: Path | str | None = None,
) -> bool:
    """Whether `load_or_prepare` is likely to succeed; takes seconds."""
    spec = find(dataset)
    return is_prepared(spec, size, cache) or archives_.available(spec, archives, cache)


def find(dataset: str | DatasetSpec) -> DatasetSpec:
    """The specification with this name, or the given specification."""
    if isinstance(dataset, DatasetSpec):
        return dataset
    from metabench import registry

    return registry.dataset(dataset)


def size_of(spec: DatasetSpec, size: int | None) -> int:
    """Height and width: `size` if given, else the dataset's default.

    Raises:
        UserError: images of that size are not supported.
    """
    if size is None:
        return spec.image[0]
    if not 1 <= size <= LARGEST:
        raise UserError(f"`size` is {size}; it must be from 1 to {LARGEST} pixels")
    return size


def folder(spec: DatasetSpec, size: int, cache: Path | str | None = None) -> Path:
    """Where the arrays are, or will be."""
    return cache_.root(cache) / spec.name / spec.version / f"size{size}"


def _make(
    spec: DatasetSpec,
    size: int,
    target: Path,
    archives: Path | str | None,
    cache: Path | str | None,
    shown: bool,
) -> None:
    """Write the arrays; the caller holds the lock."""
    found = archives_.find(spec, archives, cache, shown)
    # Named after the archives, so that the records of different archives are never mixed up.
    fingerprint = hashlib.sha256("".join(one.sha256 for one in found.values()).encode())
    scratch = cache_.folder(target.parent / f"records-{fingerprint.hexdigest()[:12]}")
    paths = {name: one.path for name, one in found.items()}
    examples = _examples(spec, Request(paths, size, scratch, shown))
    about = {
        "name": spec.name,
        "version": spec.version,
        "source": examples.source or archives_.describe(found),
        "archives": {name: one.sha256 for name, one in found.items()},
    }
    label = f"Preparing {spec.name} {size}×{size}"
    with (
        cache_.publication(target) as made,
        progress_.progress(label, examples.count, shown) as advance,
    ):
        image = (size, size, spec.image[2])
        written = arrays.write(made, examples.stream, examples.count, image, advance)
        arrays.write_meta(made, about | written)


def _examples(spec: DatasetSpec, request: Request) -> Examples:
    if spec.examples is not None:
        return spec.examples(request)
    from metabench.data import tfds_records  # imports tensorflow_datasets

    return tfds_records.examples(spec, request)
