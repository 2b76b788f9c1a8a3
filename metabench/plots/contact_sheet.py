"""Contact sheets: one picture of a dataset's classes and of one episode.

Images are shown as a learner gets them. The episode is the one that the sampler draws for a
protocol of this shape. Pillow is imported when a sheet is drawn.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from metabench.errors import UserError
from metabench.files.publish import write_bytes
from metabench.seeds import root_key
from metabench.tasks.class_table import PARTS, find_split
from metabench.tasks.episodes import sample
from metabench.tasks.protocol_table import episode_shape, protocol_table
from metabench.tasks.ranges import written
from metabench.types import ClassTable, Dataset, Episode, EpisodeShape, Protocol, Split

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

CLASSES, EXAMPLES = 12, 16  # at most, in the upper half
SMALLEST, LARGEST = 48, 96  # pixels of a thumbnail
GAP, MARGIN, CAPTION = 4, 28, 34  # pixels
LABELS = 250  # pixels for the class names
BACKGROUND, TEXT, FAINT, RULE = "#ffffff", "#1c1f24", "#6b7280", "#d5d9e0"
COLOURS = ("#1f77b4", "#d95f02", "#1b9e77", "#c2185b", "#7570b3", "#a6761d", "#4b5563", "#66a61e")


class Row(NamedTuple):
    """A line of the sheet."""

    name: str
    colour: str | None  # of the label's mark and of the supports' frames
    number: int  # the label
    supports: list[np.ndarray]
    others: list[np.ndarray]


def draw(dataset: Dataset, protocol: Protocol, index: int) -> Image:
    """Draw evenly spaced classes of the protocol's part, and below them episode `index`.

    Raises:
        UserError: there is no such split or part, or it does not allow such episodes.
    """
    chosen, part, shape = (
        find_split(dataset, protocol.split),
        protocol.part,
        episode_shape(protocol, dataset),
    )
    if part not in PARTS or not chosen.parts.get(part):
        known = ", ".join(name for name in PARTS if chosen.parts.get(name))
        raise UserError(
            f"`part` is {part!r}; split `{chosen.name}` of {dataset.name} has classes in: {known}"
        )
    if not 0 <= index < 2**30:
        raise UserError(f"`index` is {index}; it must be at least 0 and below 2^30")
    table = protocol_table(dataset, protocol)
    names = _names(dataset, chosen)
    upper = _class_rows(table, names)
    lower = _episode_rows(sample(root_key(protocol.seed), index, table, shape), shape, names)
    height, width, channels = dataset.images.shape[1:]
    kind = "grey" if channels == 1 else "RGB"
    counts = f"{len(table.counts):,} classes, {len(table.images):,} images"
    facts = f"{counts}, {height} by {width} {kind}, digest {dataset.digest[:12]}"
    return _sheet(
        (f"{dataset.name} / {chosen.name} / {part}", facts),
        [
            (f"Classes: {len(upper)} of {len(table.counts):,}", "in the order of the table", upper),
            (
                f"Episode {index}: {shape.way}-way {written(shape.shot, shape.shot_spread)}-shot",
                "framed: support; then the queries of the same label",
                lower,
            ),
        ],
        _side(dataset.images.shape[1]),
    )


def save(image: Image, path: Path) -> None:
    """Write a sheet as PNG; `UserError` if that is impossible."""
    content = io.BytesIO()
    image.save(content, "PNG")
    write_bytes(path, content.getvalue())


def _names(dataset: Dataset, split: Split) -> list[str]:
    """The name of each class id, with the rotation if classes are rotated."""
    if split.rotations == 1:
        return list(dataset.class_names)
    turns = ["", *(f", {90 * quarter}°" for quarter in range(1, split.rotations))]
    return [name + turn for name in dataset.class_names for turn in turns]


def _class_rows(table: ClassTable, names: list[str]) -> list[Row]:
    classes = len(table.counts)
    rows = []
    for place in np.unique(np.linspace(0, classes - 1, min(CLASSES, classes)).astype(int)):
        members = table.members[place, : min(EXAMPLES, int(table.counts[place]))]
        images = list(np.asarray(table.images[members]))
        rows.append(Row(names[int(table.class_ids[place])], None, 0, [], images))
    return rows


def _episode_rows(episode: Episode, shape: EpisodeShape, names: list[str]) -> list[Row]:
    support, query = np.asarray(episode.support_x), np.asarray(episode.query_x)
    rows = []
    for label in range(shape.way):
        rows.append(
            Row(
                names[int(episode.class_ids[label])],
                COLOURS[label % len(COLOURS)],
                label,
                list(support[np.asarray(episode.support_y) == label]),
                list(query[np.asarray(episode.query_y) == label]),
            )
        )
    return rows


def _side(size: int) -> int:
    """The size of a thumbnail: a whole multiple for small images, less for large ones."""
    return min(size * max(1, -(-SMALLEST // size)), LARGEST)


def _sheet(title: tuple[str, str], sections: list[tuple[str, str, list[Row]]], side: int) -> Image:
    """Put a heading and rows of thumbnails below each other."""
    from PIL import Image, ImageDraw

    step = side + GAP
    rows = [row for _, _, section in sections for row in section]
    columns = max(len(row.supports) + len(row.others) for row in rows)
    # Supports have a frame and a gap around them.
    width = 2 * MARGIN + LABELS + columns * step + (2 * step // 3 if sections[1][2] else 0)
    height = 2 * MARGIN + 64 + sum(2 * CAPTION + len(part) * step for _, _, part in sections)
    image = Image.new("RGB", (width, height), BACKGROUND)
    pen = ImageDraw.Draw(image)
    _text(pen, (MARGIN, MARGIN), title[0], 26)
    _text(pen, (MARGIN, MARGIN + 36), title[1], 15, FAINT)
    top = MARGIN + 64
    for heading, note, section in sections:
        top += CAPTION // 2
        pen.line([(MARGIN, top), (width - MARGIN, top)], RULE)
        reached = _text(pen, (MARGIN, top + 10), heading, 18)
        _text(pen, (reached + 12, top + 13), note, 14, FAINT)
        top += CAPTION + CAPTION // 2
        for row in section:
            _row(image, pen, row, top, side)
            top += step
    return image


def _row(image: Image, pen: ImageDraw, row: Row, top: int, side: int) -> None:
    """One class: its name, its supports in a frame, its other images."""
    left, middle = MARGIN, top + side // 2
    if row.colour:
        pen.rounded_rectangle([left, middle - 12, left + 26, middle + 12], 5, row.colour)
        pen.text((left + 13, middle), str(row.number), BACKGROUND, _font(15), anchor="mm")
        left += 36
    room = MARGIN + LABELS - 12 - left
    pen.text((left, middle), _shortened(pen, row.name, room), TEXT, _font(14), anchor="lm")
    left = MARGIN + LABELS
    for pixels in row.supports:
        _paste(image, pixels, (left, top), side)
        pen.rectangle([left - 2, top - 2, left + side + 1, top + side + 1], None, row.colour, 2)
        left += side + GAP + 2
    left += side // 3 if row.supports else 0
    for pixels in row.others:
        _paste(image, pixels, (left, top), side)
        left += side + GAP


def _paste(image: Image, pixels: np.ndarray, place: tuple[int, int], side: int) -> None:
    from PIL import Image

    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    grows = side >= pixels.shape[0]
    method = Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS
    image.paste(picture.resize((side, side), method), place)


def _text(pen: ImageDraw, place: tuple[int, int], text: str, points: int, fill: str = TEXT) -> int:
    """Write a line and return where it ends."""
    pen.text(place, text, fill, _font(points))
    return int(place[0] + pen.textlength(text, _font(points)))


def _shortened(pen: ImageDraw, text: str, room: int) -> str:
    """The text with its middle left out until it fits."""
    shown, cut = text, len(text)
    while pen.textlength(shown, _font(14)) > room and cut > 2:
        cut -= 1
        shown = f"{text[: cut // 2]}…{text[len(text) - cut + cut // 2 :]}"
    return shown


def _font(points: int) -> FreeTypeFont | ImageFont:
    """Pillow's own font, which needs no file on this machine; it has Latin letters."""
    from PIL import ImageFont as fonts

    return fonts.load_default(points)
