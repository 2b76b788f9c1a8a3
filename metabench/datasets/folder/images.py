"""From image files to arrays: their size, their colours and their pixels.

Pillow is imported when an image is opened.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from metabench.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG")
GREY = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "F"})  # Pillow's modes of one channel
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


def decoded(files: Files, size: int, channels: int) -> Drawn:
    """Class names and uint8 images [size, size, channels], in the order of the files.

    A few are decoded ahead in threads, as Pillow releases the interpreter lock.
    """
    threads = os.cpu_count() or 1
    waiting: deque[tuple[str, Future[np.ndarray]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for name, path in files:
                waiting.append((name, pool.submit(pixels, path, size, channels)))
                if len(waiting) > AHEAD * threads:
                    first, image = waiting.popleft()
                    yield first, image.result()
            while waiting:
                first, image = waiting.popleft()
                yield first, image.result()
        finally:
            pool.shutdown(cancel_futures=True)


def pixels(path: Path, size: int, channels: int) -> np.ndarray:
    """Decode one file: upright, on white, resized to uint8 [size, size, channels].

    Raises:
        UserError: it is not a PNG or JPEG file, or is damaged.
    """
    from PIL import Image, ImageOps

    with _opened(path) as opened:
        image = _eight_bits(ImageOps.exif_transpose(opened))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(size, size, channels)


def _eight_bits(image: Image) -> Image:
    """Keep the upper eight of sixteen bits per pixel; Pillow's `convert` would clip the values."""
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))


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
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or str(error).split(str(path))[0].strip(" '")
        raise UserError(
            f"image {path} cannot be read as PNG or JPEG ({reason}); replace it or remove it"
        ) from error
