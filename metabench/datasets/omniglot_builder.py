"""Omniglot as a TensorFlow Datasets builder: the archives become ArrayRecord files.

The only module that imports tensorflow_datasets, itself imported only while a
dataset is being prepared. It is named apart from TFDS's own `omniglot`, which
decodes with TensorFlow. After importing it, `tfds.builder("omniglot_metabench",
file_format="array_record")` works as with any other builder.

Lake, Salakhutdinov & Tenenbaum, "Human-level concept learning through
probabilistic program induction", Science 350 (2015).
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from metabench import archives as archives_
from metabench.datasets.omniglot import DATASET, parts
from metabench.datasets.omniglot_archive import SIDE, Part, drawings


class OmniglotMetabench(tfds.core.GeneratorBasedBuilder):  # type: ignore[misc]  # TFDS: Any
    """1,623 handwritten characters in 50 alphabets, each drawn by 20 people."""

    VERSION = tfds.core.Version(DATASET.version)
    # No checksums for TFDS to look for: archives are found and verified by ours. (Its search
    # imports importlib_resources, which its package fails to require: tensorflow/datasets#11212.)
    url_infos: Mapping[str, Any] = {}

    def __init__(
        self,
        *,
        archives: Mapping[str, Path] | None = None,
        layout: tuple[Part, ...] | None = None,
        **options: Any,
    ) -> None:
        """`archives` by name (None: found as everywhere else) in a `layout` (None: Omniglot's)."""
        self._archives = archives
        self._layout = layout or parts()
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=DATASET.description,
            homepage="https://github.com/brendenlake/omniglot",
            citation=DATASET.citation,
            license=DATASET.licence,
            # The order of the archive is the order of the class table.
            disable_shuffling=True,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIDE, SIDE, 1), encoding_format="png"),
                    "name": tfds.features.Text(),
                    "drawer": tfds.features.Scalar(np.int32),
                }
            ),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        # Not through `dl_manager`: one way to find and verify archives serves all datasets.
        paths = self._archives
        if paths is None:
            found = archives_.find(DATASET.name, DATASET.archives)
            paths = {name: one.path for name, one in found.items()}
        return {
            part.split: self._generate_examples(paths[part.archive], part) for part in self._layout
        }

    def _generate_examples(self, path: Path, part: Part) -> Iterator[tuple[int, dict[str, Any]]]:
        for index, (name, drawer, png) in enumerate(drawings(path, part)):
            yield index, {"image": io.BytesIO(png), "name": name, "drawer": drawer}


def records(
    archives: Mapping[str, Path], scratch: Path, layout: tuple[Part, ...]
) -> tuple[int, Iterator[tuple[str, bytes]]]:
    """Build the records in `scratch` unless they are there; return how many, and a reader.

    The reader yields class names and PNG bytes, in the order of `layout`.

    Raises:
        UserError: an archive is wrong or damaged.
    """
    builder = OmniglotMetabench(
        archives=archives, layout=layout, data_dir=scratch, file_format="array_record"
    )
    for leftover in scratch.glob("*/incomplete.*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    tfds.display_progress_bar(False)
    with contextlib.redirect_stdout(io.StringIO()):  # TFDS announces itself there
        builder.download_and_prepare()
    keep = {"image": tfds.decode.SkipDecoding()}
    sources = [builder.as_data_source(part.split, decoders=keep) for part in layout]
    return sum(map(len, sources)), _read(sources)


def _read(sources: list[Any]) -> Iterator[tuple[str, bytes]]:
    for source in sources:
        for index in range(len(source)):
            record = source[index]
            yield record["name"].decode(), record["image"]
