"""Datasets of encoded images as TensorFlow Datasets builders: archives become ArrayRecord files.

`DatasetSpec.records` of a dataset is enough to make a builder. It needs no TensorFlow, since
images are stored as the bytes in which they were published. This is the only module that
imports tensorflow_datasets, and it is imported only while a dataset is being prepared, or by
`metabench.datasets.builders`.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from metabench.contracts.dataset import DatasetSpec, Examples, Records, Request
from metabench.data import archives as archives_
from metabench.data.readers.damage import reason
from metabench.data.readers.lookahead import in_order
from metabench.errors import UserError
from metabench.files import cache as cache_
from metabench.files.progress import progress

SPLIT = "full"  # the only split that TFDS knows; splits of classes are ours
READ_AT_ONCE = 256  # records; finding records one by one takes longer than reading them
LAYOUT = "records2"  # layout of the scratch folder; records of another layout are built again


class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[misc,call-arg]  # TFDS: Any
    """One dataset's images and class names, in the order of its class table."""

    VERSION = tfds.core.Version("0.0.0")
    # TFDS has no checksums to look for, as our code finds and verifies archives. (Its search
    # imports importlib_resources, which its package does not require: tensorflow/datasets#11212.)
    url_infos: Mapping[str, Any] = {}
    spec: DatasetSpec

    def __init__(
        self, *, archives: Mapping[str, Path] | None = None, shown: bool = False, **options: Any
    ) -> None:
        """`archives` by name (None: found by `archives.find`); `shown`: report progress."""
        self._archives = archives
        self._shown = shown
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        spec = self.spec
        image = tfds.features.Image(shape=(None, None, spec.image[2]))
        return tfds.core.DatasetInfo(
            builder=self,
            description=spec.description,
            homepage=spec.homepage,
            citation=spec.citation,
            license=spec.licence,
            # The order of the archive is the order of the class table.
            disable_shuffling=True,
            features=tfds.features.FeaturesDict({"image": image, "name": tfds.features.Text()}),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        # Without `dl_manager`: archives of all datasets are found and verified in the same way.
        paths = self._archives
        if paths is None:
            paths = {name: one.path for name, one in archives_.find(self.spec).items()}
        return {SPLIT: self._generate_examples(paths)}

    def _generate_examples(self, paths: Mapping[str, Path]) -> Iterator[tuple[int, dict[str, Any]]]:
        records = records_of(self.spec)
        label = f"Reading the archives of {self.spec.name}"
        with progress(label, records.total, self._shown) as advance:
            for index, (name, encoded) in enumerate(records.read(paths, advance)):
                yield index, {"image": encoded, "name": name}


def records_of(spec: DatasetSpec) -> Records:
    """The records that `spec` declares.

    Raises:
        ValueError: it declares neither records nor examples.
    """
    if spec.records is None:
        raise ValueError(f"dataset `{spec.name}` must declare `examples` or `records`")
    return spec.records


def builder_name(spec: DatasetSpec) -> str:
    """The name for `tfds.builder`; another one if TFDS has a dataset of the same name."""
    return records_of(spec).builder or spec.name


def builder_class(spec: DatasetSpec, register: bool = False) -> type[Builder]:
    """Make the builder of a dataset; with `register`, `tfds.builder` finds it by name."""
    name = builder_name(spec)
    members = {
        "__doc__": spec.description,
        "__module__": __name__,
        "name": name,
        "VERSION": tfds.core.Version(spec.version),
        "spec": spec,
    }
    title = "".join(word.capitalize() for word in name.replace("-", "_").split("_"))
    options = {"skip_registration": not register}
    return types.new_class(title, (Builder,), options, lambda body: body.update(members))


def examples(spec: DatasetSpec, request: Request) -> Examples:
    """All images of a dataset that declares `records`, decoded in the table's order.

    The records are built in the scratch folder unless they are already there.

    Raises:
        UserError: an archive is wrong or damaged.
    """
    records = records_of(spec)
    source = _source(spec, request)

    def decoded(record: Mapping[str, Any]) -> tuple[str, np.ndarray]:
        return record["name"].decode(), records.decode(record["image"], request.size)

    stored = _stored(source)
    stream = in_order(decoded, stored) if records.threaded else map(decoded, stored)
    return Examples(len(source), stream)


def _source(spec: DatasetSpec, request: Request) -> Any:
    """The records as a sequence whose images are still encoded."""
    folder = request.scratch / LAYOUT
    folder.mkdir(exist_ok=True)
    builder = builder_class(spec)(
        archives=request.archives,
        shown=request.shown,
        data_dir=folder,
        file_format="array_record",
    )
    for leftover in folder.glob("*/incomplete.*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    tfds.display_progress_bar(False)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # TFDS prints to standard output
            builder.download_and_prepare()
    except (OSError, RuntimeError) as error:  # ArrayRecord's writer raises the second
        raise UserError(
            f"`cache` folder {request.scratch} cannot take the records of {spec.name} "
            f"({reason(error)}); make room, or set `{cache_.VARIABLE}` to a folder that has it"
        ) from error
    return builder.as_data_source(SPLIT, decoders={"image": tfds.decode.SkipDecoding()})


def _stored(source: Any) -> Iterator[Mapping[str, Any]]:
    """All records in order; many are read at once."""
    for start in range(0, len(source), READ_AT_ONCE):
        stop = min(start + READ_AT_ONCE, len(source))
        yield from source.__getitems__(list(range(start, stop)))
