"""A figure as SVG within a page: its colours are the page's, so that it is light or dark with it.

Figures are drawn in stand-in colours (`INK`, `LINE`, `series`), which become `currentColor` and
CSS variables. Text stays text, in the page's font, and is never read as formulas. Only elements
that draw are kept, without identifiers that two figures of a page would share.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, LINE, PAPER = "#000001", "#000002", "#000003"  # text; grids and frames; what is behind
SERIES = 8  # colours for series
MARKERS = "os^Dv"  # for series: with the colours, 40 are told apart
SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "metabench",
    "text.parse_math": False,
    "path.simplify_threshold": 0.4,
    "font.size": 9,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
}
NAMESPACES = {"{http://www.w3.org/2000/svg}": "", "{http://www.w3.org/1999/xlink}": "xlink:"}
DROPPED = ("metadata", "style", "title")
NUMBER = re.compile(r"-?\d+\.\d+")
HASH = re.compile(r"(?<=#)[\w-]+")
FONT = re.compile(r"font-family: [^;]*;? ?")  # the page's is taken
GAPS = re.compile(r"\s*([A-Za-z])\s*")  # around the letters of a path


def series(number: int) -> str:
    """The stand-in colour of a series, counted from 0."""
    return f"#0000{0x10 + number % SERIES:02x}"


def marker(number: int) -> str:
    """The mark of a series, counted from 0."""
    return MARKERS[number % len(MARKERS)]


@contextmanager
def drawing(width: float, height: float, left: float = 0.6) -> Iterator[tuple[Figure, Axes]]:
    """A figure with its axes in stand-in colours; `text` must be called within.

    Margins are given, not measured: measuring takes longer than all else.

    Args:
      width: inches.
      height: inches.
      left: inches to the left of the axes.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the page's font has it
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        inner = (left / width, 0.48 / height, 1 - (left + 0.12) / width, 1 - 0.58 / height)
        axes = figure.add_axes(inner)
        axes.set_axisbelow(True)
        yield figure, axes


def text(figure: Figure, name: str) -> str:
    """The figure as an `<svg>` element. `name`: unique on the page."""
    content = io.BytesIO()
    figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(content.getvalue())
    _strip(root)
    _plain(root, "p" + hashlib.sha256(name.encode()).hexdigest()[:8])
    width, height = root.get("viewBox", "").split()[2:]
    root.attrib = {"viewBox": f"0 0 {width} {height}", "aria-hidden": "true", "class": "chart"}
    root.set("style", f"max-width: {1.6 * float(width):.0f}px")
    return _themed(ElementTree.tostring(root, encoding="unicode"))


def _strip(element: ElementTree.Element) -> None:
    """Drop what draws nothing, a style for the whole page included."""
    for child in list(element):
        _strip(child)
        tag = child.tag.rpartition("}")[2]
        empty = tag in ("defs", "g") and not len(child)
        if tag in DROPPED or empty:
            element.remove(child)
        child.tail = None
    if element.tag.rpartition("}")[2] not in ("text", "tspan"):
        element.text = None


def _plain(root: ElementTree.Element, name: str) -> None:
    """Names without namespaces, short numbers, and identifiers with `name` in front, if used."""
    used = {
        found
        for element in root.iter()
        for value in element.attrib.values()
        for found in HASH.findall(value)
    }
    for element in root.iter():
        element.tag = _bare(element.tag)
        element.attrib = {_bare(key): value for key, value in element.attrib.items()}
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)
        for key, value in element.attrib.items():
            element.attrib[key] = _value(key, value, name)


def _bare(tag: str) -> str:
    for namespace, prefix in NAMESPACES.items():
        tag = tag.replace(namespace, prefix)
    return tag


def _value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key in ("xlink:href", "clip-path"):
        return value.replace("#", f"#{name}-")
    if key == "style":
        return FONT.sub("", value)
    if key == "d":
        value = GAPS.sub(r"\1", value).strip()
    if key in ("d", "x", "y", "width", "height", "transform"):
        return NUMBER.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), value)
    return value


def _themed(markup: str) -> str:
    """With the page's colours. A text that says `#000001` is changed, too, and stays text."""
    colours = {INK: "currentColor", LINE: "var(--line)", PAPER: "var(--paper)"}
    colours |= {series(number): f"var(--series-{number})" for number in range(SERIES)}
    for stand_in, colour in colours.items():
        markup = markup.replace(stand_in, colour)
    return markup
