"""From encoded images to arrays, and lossless encoding."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG")


def pixels(
    encoded: bytes,
    size: int,
    mode: str,
    resample: int = Image.Resampling.LANCZOS,
    invert: bool = False,
) -> np.ndarray:
    """Decode an image: uint8 [size, size, channels].

    Args:
        encoded: the bytes of a PNG or JPEG file.
        size: height and width of the result.
        mode: Pillow's name for the kind of pixels of the result, "L" (grey) or "RGB".
        resample: a value of `PIL.Image.Resampling`, used if the size differs.
        invert: whether to turn dark into bright, before resizing.
    """
    with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
        found = image.convert(mode)
    if invert:
        found = ImageOps.invert(found)
    if found.size != (size, size):
        found = found.resize((size, size), Image.Resampling(resample))
    return np.asarray(found).reshape(size, size, -1)


def png(image: np.ndarray) -> bytes:
    """Encode uint8 [height, width] or [height, width, 3] as PNG; fast, but not small."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG", compress_level=1)
    return out.getvalue()
