"""How a procedural character is drawn: jitter, splines, a pen, pixels.

`dataset.py` invents the alphabets and characters; here a list of strokes becomes
images. After the motor programs of Lake, Salakhutdinov & Tenenbaum, "Human-level
concept learning through probabilistic program induction", Science 350 (2015): a
stroke is a spline, strokes are joined to earlier ones, and each drawing perturbs
the strokes, then the whole character.

Every image is the same, bit for bit, on every machine: randomness comes from the
raw bits of Philox, and the geometry uses only + - * / and sqrt on float64 arrays,
which IEEE 754 rounds exactly. No sin, no exp, no matrix product, no floating-point
sum over an axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STEPS = 4  # line segments for each cubic between two knots
INDEX_BITS = 20  # alphabets, characters and drawings are each fewer than 2**20

WOBBLE = 0.045  # of each knot, in canvas widths (half-width of a triangular law, as all below)
SLIP = 0.03  # of the place where a stroke is joined to an earlier one, in canvas widths
STRETCH = 0.20  # of each stroke, relative
TURN = 0.10  # tangent of half the rotation: up to 11 degrees
SCALE = 0.30  # of each axis, relative
SHEAR = 0.20
SHIFT = 0.12  # in canvas widths
PEN = 0.028  # mean pen radius in canvas widths
PEN_SPREAD = 0.3  # relative


class Stroke(NamedTuple):
    """A spline through knots, and the place where it is joined to an earlier stroke."""

    knots: np.ndarray  # float64 [knots, 2]: x to the right, y down, in canvas widths
    tension: float  # 0: straight between the knots; 1: a Catmull-Rom spline
    parent: int = -1  # index of the earlier stroke; -1: none, it starts at the origin
    parent_knot: int = 0  # knot of the parent ...
    own_knot: int = 0  # ... where this knot of the stroke is put ...
    offset: tuple[float, float] = (0.0, 0.0)  # ... plus this, in canvas widths


def random_bits(
    seed: int, alphabet: int, character: int = -1, drawing: int = -1
) -> np.random.Philox:
    """The stream of random bits for an alphabet, a character or a drawing.

    Indices count from 0; -1 stands for the alphabet (or the character) itself.
    """
    low = (alphabet << 2 * INDEX_BITS) | (character + 1 << INDEX_BITS) | drawing + 1
    return np.random.Philox(key=np.array([seed, low], dtype=np.uint64))


def draw_character(
    strokes: tuple[Stroke, ...],
    drawings: int,
    *,
    seed: int,
    alphabet: int,
    character: int,
    size: int = 28,
) -> np.ndarray:
    """Draw one character `drawings` times, each time a little differently.

    Drawing `d` depends on (strokes, seed, alphabet, character, d, size) alone, so
    more drawings do not change it; at another size it is the same drawing, resampled.

    Returns:
        uint8 [drawings, size, size, 1]; ink is 255 on paper of 0.
    """
    columns = sum(2 * len(stroke.knots) + 3 for stroke in strokes) + 7
    jitter = np.stack(
        [_triangular(random_bits(seed, alphabet, character, d), columns) for d in range(drawings)]
    )
    whole, parts = jitter[:, :7], jitter[:, 7:]
    lines = [
        splines(knots, stroke.tension)
        for stroke, knots in zip(strokes, place(strokes, parts), strict=True)
    ]
    lines = _deform(lines, whole)
    starts = np.concatenate([line[:, :-1] for line in lines], axis=1)
    ends = np.concatenate([line[:, 1:] for line in lines], axis=1)
    radius = size * PEN * (1 + PEN_SPREAD * whole[:, 6])
    return rasterize(size * starts, size * ends, radius, size)[..., None]


def place(strokes: tuple[Stroke, ...], jitter: np.ndarray) -> list[np.ndarray]:
    """Join perturbed strokes to each other.

    Args:
        strokes: a character.
        jitter: float64 [drawings, sum over strokes of (2 * knots + 3)] in [-1, 1].

    Returns:
        For each stroke float64 [drawings, knots, 2], in canvas widths.
    """
    placed: list[np.ndarray] = []
    used = 0
    for stroke in strokes:
        count = 2 * len(stroke.knots)
        wobble = jitter[:, used : used + count].reshape(-1, count // 2, 2)
        slip = jitter[:, used + count : used + count + 2]
        stretch = 1 + STRETCH * jitter[:, used + count + 2]
        used += count + 3
        knots = stroke.knots * stretch[:, None, None] + WOBBLE * wobble
        if stroke.parent >= 0:
            anchor = placed[stroke.parent][:, stroke.parent_knot] + SLIP * slip
            anchor = anchor + np.array(stroke.offset)
            knots = knots - knots[:, stroke.own_knot, None] + anchor[:, None]
        placed.append(knots)
    return placed


def splines(knots: np.ndarray, tension: float) -> np.ndarray:
    """Cubic Hermite splines through knots.

    Args:
        knots: float64 [drawings, knots, 2].
        tension: a tangent is this times half the difference of the neighbours.

    Returns:
        float64 [drawings, (knots - 1) * STEPS + 1, 2], points along each spline.
    """
    padded = np.concatenate([knots[:, :1], knots, knots[:, -1:]], axis=1)
    tangents = tension * 0.5 * (padded[:, 2:] - padded[:, :-2])
    t = (np.arange(STEPS) / STEPS)[:, None]
    p, q = knots[:, :-1, None], knots[:, 1:, None]
    u, v = tangents[:, :-1, None], tangents[:, 1:, None]
    rise = t * t * (3 - 2 * t)
    points = p + rise * (q - p) + t * (1 - t) * ((1 - t) * u - t * v)
    return np.concatenate([points.reshape(len(knots), -1, 2), knots[:, -1:]], axis=1)


def bounds(lines: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates of points [drawings, any, 2]: two of [drawings, 2]."""
    points = np.concatenate(lines, axis=1)
    return points.min(axis=1), points.max(axis=1)


def rasterize(starts: np.ndarray, ends: np.ndarray, radius: np.ndarray, size: int) -> np.ndarray:
    """Draw line segments with a round pen, anti-aliased by the distance to the segment.

    Each segment changes only the pixels of a square window around its middle.

    Args:
        starts: float64 [drawings, segments, 2], in pixels.
        ends: the same.
        radius: float64 [drawings], of the pen, in pixels.
        size: height and width of the image.

    Returns:
        uint8 [drawings, size, size].
    """
    along = ends - starts
    reach = 0.5 * np.abs(along).max() + radius.max() + 1.0
    window = np.arange(-int(np.ceil(reach)), int(np.ceil(reach)) + 1)
    middle = np.floor(0.5 * (starts + ends)).astype(np.int64)
    cells = middle[..., None] + window  # [drawings, segments, 2, window]
    away = cells + 0.5 - starts[..., None]
    length = along[..., 0] * along[..., 0] + along[..., 1] * along[..., 1] + 1e-9
    dots = away * (along / length[..., None])[..., None]
    fraction = np.clip(dots[:, :, 0, None, :] + dots[:, :, 1, :, None], 0.0, 1.0)
    dx = away[:, :, 0, None, :] - fraction * along[..., 0, None, None]
    dy = away[:, :, 1, :, None] - fraction * along[..., 1, None, None]
    cover = (radius + 0.5)[:, None, None, None] - np.sqrt(dx * dx + dy * dy)
    ink = np.floor(255 * np.clip(cover, 0.0, 1.0) + 0.5).astype(np.uint8)
    # A frame of one pixel collects the ink outside the paper.
    side = size + 2
    cells = np.clip(cells + 1, 0, side - 1)
    drawing = np.arange(len(starts))[:, None, None, None] * (side * side)
    flat = drawing + cells[:, :, 1, :, None] * side + cells[:, :, 0, None, :]
    canvas = np.zeros(len(starts) * side * side, np.uint8)
    np.maximum.at(canvas, flat.ravel(), ink.ravel())
    return canvas.reshape(-1, side, side)[:, 1:-1, 1:-1]


def _deform(lines: list[np.ndarray], jitter: np.ndarray) -> list[np.ndarray]:
    """Centre each drawing on the canvas, then rotate, scale, shear and shift it.

    `lines`: float64 [drawings, points, 2] each; `jitter`: [drawings, at least 6].
    """
    low, high = bounds(lines)
    centre = 0.5 * (low + high)[:, None]
    half = TURN * jitter[:, 0]
    cosine = (1 - half * half) / (1 + half * half)
    sine = 2 * half / (1 + half * half)
    wide, tall = 1 + SCALE * jitter[:, 1], 1 + SCALE * jitter[:, 2]
    shear = SHEAR * jitter[:, 3]
    across = np.stack([wide * cosine, wide * (shear * cosine - sine)], axis=1)[:, None]
    down = np.stack([tall * sine, tall * (shear * sine + cosine)], axis=1)[:, None]
    shift = 0.5 + SHIFT * jitter[:, None, 4:6]
    moved = []
    for line in lines:
        x, y = np.moveaxis(line - centre, 2, 0)
        turned = [row[..., 0] * x + row[..., 1] * y for row in (across, down)]
        moved.append(np.stack(turned, axis=2) + shift)
    return moved


def _triangular(bits: np.random.Philox, count: int) -> np.ndarray:
    """`count` numbers in [-1, 1] with a triangular density, float64 [count]."""
    # Dividing by 2**53 is exact, so no rounding mode or fused operation has an effect.
    uniform = (bits.random_raw(2 * count) >> np.uint64(11)).astype(np.float64) / 2.0**53
    return uniform[:count] + uniform[count:] - 1
