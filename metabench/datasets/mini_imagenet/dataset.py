"""mini-ImageNet: 100 classes of 600 photographs, 84 by 84 pixels.

By Vinyals et al. 2016, whose own split was never published. We use the split of
Ravi & Larochelle, "Optimization as a model for few-shot learning", ICLR 2017. The dataset
is read from any of the forms in which it is in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from metabench.contracts.dataset import Archive, DatasetSpec, Records
from metabench.data import splits
from metabench.datasets.mini_imagenet.lists import Layout, category_name, pickle_name
from metabench.files.progress import Advance

HERE = Path(__file__).parent  # and the class lists
IMAGES = 600  # of each class
PARTS = ("train", "val", "test")
TARS = ("mini-imagenet.tar.xz", "mini-imagenet.tar.gz", "mini-imagenet.tar")
PICKLES = tuple(pickle_name(part) for part in PARTS)
CATEGORIES = tuple(category_name(part) for part in PARTS)


def read(
    archives: Mapping[str, Path],
    advance: Advance,
    parts: Mapping[str, tuple[str, ...]] | None = None,
    images: int = IMAGES,
) -> Iterator[tuple[str, bytes]]:
    """All images as JPEG or PNG, class by class; other `parts` and numbers are for tests.

    Raises:
        UserError: something is missing, damaged, or not mini-ImageNet.
    """
    from metabench.datasets.mini_imagenet import files
    from metabench.datasets.mini_imagenet.pickles import from_pickles

    layout = Layout(parts or splits.load(HERE, "ravi").parts, images)
    if "images" in archives:
        return files.from_lists(archives, layout, advance)
    if "train" in archives:
        return files.from_folders(archives, layout, advance)
    for names in (PICKLES, CATEGORIES):
        if names[0] in archives:
            found = {part: archives[name] for part, name in zip(PARTS, names, strict=True)}
            return from_pickles(found, layout, advance)
    (path,) = archives.values()
    return files.from_tar(path, layout, advance)


def decode(encoded: bytes, size: int) -> np.ndarray:
    """Decode an image: uint8 [size, size, 3].

    An image of another size is resized by Lanczos' filter, whatever its proportions: nothing
    is cut off, as is usual for this dataset. A grey image becomes RGB.
    """
    from metabench.data.readers import pictures

    return pictures.pixels(encoded, size, "RGB")


DATASET = DatasetSpec(
    name="mini_imagenet",
    version="1.0.0",
    description="100 classes of ImageNet with 600 photographs each, at 84×84 pixels.",
    licence="ImageNet's terms: non-commercial research and education, no redistribution",
    citation=(
        "Vinyals, O., Blundell, C., Lillicrap, T., Kavukcuoglu, K., & Wierstra, D. (2016). "
        "Matching networks for one shot learning. NeurIPS. Split: Ravi, S., & Larochelle, H. "
        "(2017). Optimization as a model for few-shot learning. ICLR."
    ),
    image=(84, 84, 3),
    archives=(Archive(TARS[0]),),
    alternatives=(
        *((Archive(name),) for name in TARS[1:]),
        (Archive("images", is_folder=True), *(Archive(f"{part}.csv") for part in PARTS)),
        tuple(Archive(part, is_folder=True) for part in PARTS),
        tuple(Archive(name) for name in PICKLES),
        tuple(Archive(name) for name in CATEGORIES),
    ),
    folders=("mini-imagenet", "miniImagenet"),
    obtain=(
        "ImageNet's licence forbids anyone to offer it for download, so ask for access at "
        "https://image-net.org/download (free for research), make the 84×84 images by the lists "
        "of https://github.com/twitter-research/meta-learning-lstm or take a colleague's, put "
        "`mini-imagenet.tar.xz`, or `images` with `train.csv`, `val.csv` and `test.csv`, or the "
        "folders `train`, `val` and `test`, or the three `mini-imagenet-cache-*.pkl` or "
        "`miniImageNet_category_split_*.pickle` into a folder `mini-imagenet`"
    ),
    splits={"ravi": partial(splits.load, HERE, "ravi")},
    default_split="ravi",
    records=Records(read, 60_000, decode, threaded=True),
    digests={84: "ff85ac264e622d91c4fced812ab057cd45478da9655bb8dc1f6819269a366652"},
    homepage="https://github.com/twitter-research/meta-learning-lstm",
)
