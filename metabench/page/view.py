"""What the page shows, whatever the track: boards of entries, and pictures. No numbers are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from metabench.results.looks import Look
from metabench.results.status import Status

Training: TypeAlias = Literal["none", "trained", "pretrained"]
"""Not trained; trained as a whole; built on another learner that was trained before."""


class Column(NamedTuple):
    """A column of a board."""

    title: str
    numeric: bool = True  # figures stand to the right
    meaning: str = ""  # shown as the heading's hint


class Cell(NamedTuple):
    """What a cell says, and what it is sorted by: a number, else its text; None comes last."""

    text: str
    value: float | str | None = None


class Figure(NamedTuple):
    """A picture of a board."""

    svg: str  # as `plots.svg` gives it: only markup that we wrote
    title: str
    caption: str
    legend: Sequence[tuple[int, str]] = ()  # number of a series, and its name
    tall: bool = False  # as high as several others


@dataclass(frozen=True)
class Entry:
    """One line of a board, with all that is known of it."""

    id: str  # unique on the page: that of the board, a dot, a number
    name: str
    cells: Sequence[Cell]  # one for each column but that of the name
    training: Training
    status: Status
    transductive: bool = False
    extra_data: bool = False  # the submitter says that other data was used
    parameters: int | None = None
    facts: Sequence[tuple[str, str]] = ()
    command: str = ""
    file: str = ""  # the address of its JSON, from the page
    looks: Sequence[Look] = ()
    reference: bool = False  # a yardstick within another entry's file, such as a tuned Adam

    @property
    def learner(self) -> str:
        """The name without the options."""
        return self.name.partition(" (")[0]

    @property
    def options(self) -> str:
        """What tells it apart from others of its learner; empty where nothing needs to."""
        return "".join(self.name.partition(" (")[1:]).strip()

    @property
    def search(self) -> str:
        """What the search looks at."""
        return " ".join([self.name, self.command]).lower()


@dataclass(frozen=True)
class BoardView:
    """One table with its pictures and notes."""

    id: str  # unique on the page
    track: str
    title: str
    description: str  # in words
    columns: Sequence[Column]  # that of the name is the second, and is not among them
    entries: Sequence[Entry]
    figures: Sequence[Figure] = ()
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # heading -> lines
    digests: str = ""
    entrant: str = "learner"  # the heading of the names
