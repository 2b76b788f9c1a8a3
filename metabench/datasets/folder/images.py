"""From image files to arrays: their size, their colours and their pixels.

Pillow is imported when an image is opened.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from metabench.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
READ = "PNG, JPEG, GIF, BMP, TIFF or WebP"
# Pillow's modes of one channel.
GREY = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
DEEPEST = 0xFFFF  # the brightest value of sixteen bits
LARGEST = 64 * 2**20  # pixels in one file
AHEAD = 16  # decoded images that may wait, for each thread

Files: TypeAlias = Sequence[tuple[str, Path]]
Drawn: TypeAlias = Iterator[tuple[str, np.ndarray]]


def survey(files: Files) -> tuple[int | None, int]:
    """The square size that all images have, or None, and their channels, 1 or 3.

    Reads only the headers of the files, and stops once both are known.
    """
    size: int | None = None
    common, grey = True, True
    for _, path in files:
        with _opened(path) as image:
            size = size or image.width
            common = common and image.size == (size, size)
            grey = grey and image.mode in GREY
        if not common and not grey:
            break
    return (size if common else None), (1 if grey else 3)


def decoded(files: Files, size: int, channels: int, note: Callable[[str], None]) -> Drawn:
    """Class names and uint8 images [size, size, channels], in the order of the files.

    A few are decoded ahead in threads, as Pillow releases the interpreter lock. `note` is told once
    where an image has several frames, of which the first is taken.
    """
    threads, noted = os.cpu_count() or 1, False
    waiting: deque[tuple[str, Path, Future[tuple[np.ndarray, bool]]]] = deque()

    def next_one() -> tuple[str, np.ndarray]:
        nonlocal noted
        name, path, found = waiting.popleft()
        image, several = found.result()
        if several and not noted:
            noted = True
            note(f"image {path} has several frames; of such images the first frame is taken")
        return name, image

    with ThreadPoolExecutor(threads) as pool:
        try:
            for name, path in files:
                waiting.append((name, path, pool.submit(first_frame, path, size, channels)))
                if len(waiting) > AHEAD * threads:
                    yield next_one()
            while waiting:
                yield next_one()
        finally:
            pool.shutdown(cancel_futures=True)


def first_frame(path: Path, size: int, channels: int) -> tuple[np.ndarray, bool]:
    """Decode one file, and say whether it has more frames than the one that is returned.

    The image is upright, on white, and resized to uint8 [size, size, channels].

    Raises:
        UserError: it is of no format that is read, or is damaged.
    """
    from PIL import Image, ImageOps

    with _opened(path) as opened:
        several = getattr(opened, "n_frames", 1) > 1
        opened.seek(0)
        image = _eight_bits(ImageOps.exif_transpose(opened))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = image.convert("L" if channels == 1 else "RGB")
        if image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.LANCZOS)
        return np.asarray(image).reshape(size, size, channels), several


def _eight_bits(image: Image) -> Image:
    """Keep the upper eight of sixteen bits per pixel; Pillow's `convert` would clip the values."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("its pixels are no whole numbers; save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > DEEPEST:
        raise ValueError("its pixels have more than 16 bits; save it with 8 or 16 bits")
    return Image.fromarray((values.astype(np.uint32) >> 8).astype(np.uint8))


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open an image; any error of Pillow becomes one sentence that names the file."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=FORMATS)
        with image:
            if image.width * image.height > LARGEST:
                raise ValueError(f"{image.width} by {image.height} pixels are too many")
            yield image
    except UserError:
        raise
    except Exception as error:  # a damaged file may raise anything in Pillow's readers
        reason = getattr(error, "strerror", None) or str(error).split(str(path))[0].strip(" '")
        reason = " ".join(reason.split())[:200] or type(error).__name__
        raise UserError(
            f"image {path} cannot be read as {READ} ({reason}); replace it or remove it"
        ) from error
