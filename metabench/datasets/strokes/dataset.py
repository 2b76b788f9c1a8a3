"""The dataset `strokes`: procedural handwriting, made in seconds, with nothing to download.

This module invents alphabets, each with a style and a library of strokes that its
characters share, and composes characters from these strokes. `draw.py` draws them. After
the generative model of Lake, Salakhutdinov & Tenenbaum, Science 350 (2015), with our own
shapes instead of those learned from Omniglot.

Any number of alphabets, characters and drawings can be made; asking for more does not
change the earlier ones. Pixels do not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple, TypeVar

import numpy as np

from metabench.contracts.dataset import DatasetSpec, Examples, Request
from metabench.data.splits import digest_of
from metabench.datasets.strokes.draw import Stroke, bounds, draw_character, place, random_bits
from metabench.types import Split

T = TypeVar("T")

ALPHABETS = 20
CHARACTERS = 16
DRAWINGS = 20
SEED = 0
PARTS = {"train": 12, "val": 4, "test": 4}  # alphabets, in this order

# Knots in a box of width and height about 1; x to the right, y down.
STRAIGHT = (
    ((0, -0.5), (0, 0), (0, 0.5)),  # bar
    ((-0.3, -0.5), (-0.3, 0.5), (0.3, 0.5)),  # corner
    ((-0.35, 0.5), (0, -0.5), (0.35, 0.5)),  # peak
    ((-0.4, -0.5), (0.4, -0.45), (-0.4, 0.45), (0.4, 0.5)),  # zigzag
    ((-0.4, 0.5), (-0.4, -0.5), (0.4, -0.5), (0.4, 0.5)),  # gate
    ((-0.3, -0.5), (-0.3, 0), (0.3, 0), (0.3, 0.5)),  # step
    ((-0.35, -0.5), (0.35, -0.5), (0.35, 0.5), (-0.35, 0.5), (-0.35, -0.5)),  # box
)
CURVED = (
    ((0.15, -0.5), (-0.15, -0.2), (-0.15, 0.2), (0.15, 0.5)),  # bow
    ((-0.4, -0.5), (-0.35, 0.2), (0, 0.5), (0.35, 0.2), (0.4, -0.5)),  # cup
    ((0.2, -0.5), (0.2, 0), (0.15, 0.35), (-0.1, 0.5), (-0.35, 0.3)),  # hook
    ((0.3, -0.4), (0, -0.5), (-0.3, -0.25), (0, 0), (0.3, 0.25), (0, 0.5), (-0.3, 0.4)),  # wave
    ((0, -0.5), (-0.35, -0.35), (-0.4, 0.1), (0, 0.5), (0.4, 0.1), (0.35, -0.35), (0, -0.5)),
    ((-0.45, 0.4), (0.15, 0.1), (0.25, -0.35), (0, -0.5), (-0.2, -0.2), (0, 0.3), (0.45, 0.4)),
    ((0.3, -0.35), (0, -0.5), (-0.3, -0.25), (0, 0), (0.3, -0.3), (0.3, 0.1), (0.2, 0.5)),  # nine
    ((-0.3, -0.45), (0.2, -0.45), (0.2, -0.1), (-0.1, 0), (0.3, 0.15), (0.2, 0.5), (-0.3, 0.4)),
    ((0, 0), (0.2, -0.15), (0, -0.3), (-0.25, 0), (0, 0.35), (0.4, 0.1), (0.35, -0.5)),  # spiral
)
SIMPLE = (STRAIGHT[0], STRAIGHT[1], CURVED[0])
LEAST_KNOTS, MOST_KNOTS = 5, 13  # in a character; with more it becomes a scribble
LEAST_ASPECT = 0.35  # shorter side of a character over the longer
COUNT_ODDS = ((1, 2, 2, 2, 3), (1, 2, 2, 3, 3, 4), (1, 1, 2, 2, 3), (2, 2, 3, 3, 4))


class Part(NamedTuple):
    """A stroke in an alphabet's library."""

    knots: np.ndarray  # float64 [knots, 2], longest side about 1
    tension: float


class Alphabet(NamedTuple):
    """What the characters of an alphabet have in common."""

    parts: tuple[Part, ...]
    counts: tuple[int, ...]  # numbers of strokes, all equally likely
    apart: float  # probability that a stroke does not touch the others
    crossing: float  # probability that a stroke touches another one away from its ends
    slant: float  # to the right per unit upwards
    height: float  # of a character, in canvas widths


def examples(
    size: int = 28,
    *,
    alphabets: int = ALPHABETS,
    characters: int = CHARACTERS,
    drawings: int = DRAWINGS,
    seed: int = SEED,
) -> Iterator[tuple[str, np.ndarray]]:
    """Draw everything, class by class.

    Args:
        size: height and width of the images, in pixels.
        alphabets: how many alphabets.
        characters: how many characters in each.
        drawings: how many images of each character.
        seed: a number from 0; another seed gives other alphabets.

    Yields:
        Pairs of a class name ("alphabet00/character00") and uint8 [size, size, 1].
    """
    for a in range(alphabets):
        for c, strokes in enumerate(invent_characters(seed, a, characters)):
            images = draw_character(
                strokes, drawings, seed=seed, alphabet=a, character=c, size=size
            )
            for image in images:
                yield class_name(a, c), image


def class_name(alphabet: int, character: int) -> str:
    """For example `alphabet03/character11`."""
    return f"alphabet{alphabet:02d}/character{character:02d}"


def alphabet_split() -> Split:
    """Whole alphabets in each part: the shapes of the test come from unseen libraries."""
    parts, first = {}, 0
    for part, number in PARTS.items():
        chosen = range(first, first + number)
        parts[part] = tuple(class_name(a, c) for a in chosen for c in range(CHARACTERS))
        first += number
    return Split("alphabets", parts, 1, digest_of("alphabets", 1, parts))


def invent_alphabet(seed: int, alphabet: int) -> Alphabet:
    """Style and library of alphabet number `alphabet`; depends on the two numbers alone."""
    u = _uniforms(seed, alphabet)
    curviness = _between(u, 0.2, 0.9)
    softness = _between(u, 0.0, 0.5)
    diagonal = _between(u, 0.0, 0.5)
    parts = []
    for i in range(_pick(u, (7, 8, 9, 10))):
        curved = next(u) < curviness
        shape = _pick(u, SIMPLE if i < 3 else CURVED if curved else STRAIGHT)
        knots = _orient(np.array(shape, np.float64), u, diagonal)
        tension = _between(u, 0.8, 1.1) if curved else softness
        parts.append(Part(knots, tension))
    return Alphabet(
        parts=tuple(parts),
        counts=_pick(u, COUNT_ODDS),
        apart=_between(u, 0.05, 0.3),
        crossing=_between(u, 0.1, 0.5),
        slant=_between(u, -0.1, 0.3),
        height=_between(u, 0.5, 0.68),
    )


def invent_characters(seed: int, alphabet: int, characters: int) -> list[tuple[Stroke, ...]]:
    """The first `characters` characters of an alphabet, all composed of different strokes.

    Returns:
        The strokes of each, in canvas widths, as `draw_character` needs them.
    """
    style = invent_alphabet(seed, alphabet)
    seen: set[tuple[int, ...]] = set()
    invented = []
    for c in range(characters):
        u = _uniforms(seed, alphabet, c)
        for attempt in count():
            recipe = tuple(_below(u, len(style.parts)) for _ in range(_pick(u, style.counts)))
            # When all combinations are used, they may repeat in another arrangement.
            if tuple(sorted(recipe)) in seen and attempt < 100:
                continue
            strokes = _compose(style, recipe, u)
            if _legible(strokes):
                break
        seen.add(tuple(sorted(recipe)))
        invented.append(_fit(strokes, style))
    return invented


def _compose(style: Alphabet, recipe: Sequence[int], u: Iterator[float]) -> tuple[Stroke, ...]:
    """Join the parts of a recipe to each other, each deformed for this character."""
    strokes: list[Stroke] = []
    for i, index in enumerate(recipe):
        part = style.parts[index]
        scale = _between(u, 0.8, 1.0) if i == 0 else _between(u, 0.4, 0.9)
        wide, tall = _between(u, 0.8, 1.2), _between(u, 0.8, 1.2)
        bend = np.array([_between(u, -0.06, 0.06) for _ in range(part.knots.size)])
        knots = scale * (part.knots * np.array([wide, tall]) + bend.reshape(-1, 2))
        if i == 0:
            strokes.append(Stroke(knots, part.tension))
            continue
        parent = _below(u, i)
        parent_knot = _below(u, len(strokes[parent].knots))
        ends = (0, len(knots) - 1)
        own_knot = len(knots) // 2 if next(u) < style.crossing else _pick(u, ends)
        offset = (0.0, 0.0)
        if next(u) < style.apart:
            offset = _pick(u, ((0.35, 0.0), (-0.35, 0.0), (0.0, 0.35), (0.0, -0.35)))
        strokes.append(Stroke(knots, part.tension, parent, parent_knot, own_knot, offset))
    return tuple(strokes)


def _fit(strokes: tuple[Stroke, ...], style: Alphabet) -> tuple[Stroke, ...]:
    """Slant a character and scale its longer side to the alphabet's height."""
    slanted = tuple(
        s._replace(knots=np.stack([s.knots[:, 0] - style.slant * s.knots[:, 1], s.knots[:, 1]], 1))
        for s in strokes
    )
    scale = style.height / max(_extent(slanted))
    return tuple(
        s._replace(knots=scale * s.knots, offset=(scale * s.offset[0], scale * s.offset[1]))
        for s in slanted
    )


def _legible(strokes: tuple[Stroke, ...]) -> bool:
    """Whether a character is neither a scribble nor only a dash."""
    knots = sum(len(stroke.knots) for stroke in strokes)
    extent = _extent(strokes)
    return LEAST_KNOTS <= knots <= MOST_KNOTS and min(extent) >= LEAST_ASPECT * max(extent)


def _extent(strokes: tuple[Stroke, ...]) -> tuple[float, float]:
    """Width and height of a character drawn without jitter."""
    still = np.zeros((1, sum(2 * len(s.knots) + 3 for s in strokes)))
    low, high = bounds(place(strokes, still))
    return float(high[0, 0] - low[0, 0]), float(high[0, 1] - low[0, 1])


def _orient(knots: np.ndarray, u: Iterator[float], diagonal: float) -> np.ndarray:
    """Squeeze, mirror and rotate a shape [knots, 2] by quarters of a turn, or an eighth more."""
    knots = knots * np.array([_between(u, 0.7, 1.2), 1.0])
    x, y = knots[:, 0], knots[:, 1]
    if next(u) < 0.5:
        x = -x
    for _ in range(_below(u, 4)):
        x, y = -y, x
    if next(u) < diagonal:
        x, y = 0.75 * (x - y), 0.75 * (x + y)
    return np.stack([x, y], axis=1)


def _uniforms(seed: int, alphabet: int, character: int = -1) -> Iterator[float]:
    """Numbers in [0, 1), without end."""
    bits = random_bits(seed, alphabet, character)
    while True:
        yield (int(bits.random_raw()) >> 11) / 2.0**53


def _between(u: Iterator[float], low: float, high: float) -> float:
    return low + (high - low) * next(u)


def _below(u: Iterator[float], number: int) -> int:
    return int(next(u) * number)


def _pick(u: Iterator[float], options: Sequence[T]) -> T:
    return options[_below(u, len(options))]


def _requested(request: Request) -> Examples:
    return Examples(
        count=ALPHABETS * CHARACTERS * DRAWINGS,
        stream=examples(request.size),
        source=f"drawn by code: {ALPHABETS} alphabets, seed {SEED}",
    )


DATASET = DatasetSpec(
    name="strokes",
    version="1",
    description=(
        f"Procedural handwriting: {ALPHABETS} alphabets of {CHARACTERS} characters, "
        f"{DRAWINGS} drawings of each."
    ),
    licence="Apache-2.0",
    citation=(
        "Made by metabench, after B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum, Human-level "
        "concept learning through probabilistic program induction, Science 350 (2015) 1332-1338."
    ),
    image=(28, 28, 1),
    splits={"alphabets": alphabet_split},
    default_split="alphabets",
    examples=_requested,
    digests={28: "84538a83a70cbd3ce92a7369419ce205dba5dded8843bd2fd1b21f5c33476d38"},
)
