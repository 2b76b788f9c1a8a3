"""Figures of papers as lines of text: those beside results, and those that stand apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from metabench.results.published import Published, Quoted, apart, beside
from metabench.results.result import Result

BESIDE = "Papers' figures, and how their conditions differ"
APART = "Papers' figures under other conditions"


def quotes(named: Mapping[str, Result]) -> list[tuple[str, list[str]]]:
    """Headings with a line for each figure, those in the table first; nothing without figures.

    A figure that stands beside one of the results is not listed again for others. One that stands
    beside none is listed for those from which it differs least.
    """
    near = [(name, one) for name, result in named.items() for one in beside(result)]
    shown = [one.published for _, one in near]
    far = [
        (name, one)
        for name, result in named.items()
        for one in apart(result)
        if one.published not in shown
    ]
    least: dict[int, int] = {}
    for _, one in far:
        found = id(one.published)
        least[found] = min(least.get(found, len(one.differences)), len(one.differences))
    far = [(name, one) for name, one in far if len(one.differences) == least[id(one.published)]]
    parts = ((BESIDE, _lines(near)), (APART, _lines(far)))
    return [(heading, lines) for heading, lines in parts if lines]


def _lines(found: Iterable[tuple[str, Quoted]]) -> list[str]:
    """A line for each figure and its differences, with all entries that it belongs to."""
    names: dict[str, list[str]] = {}
    for name, quoted in found:
        names.setdefault(_text(quoted.published, quoted.differences), []).append(name)
    return [f"{', '.join(who)}: {text}" for text, who in names.items()]


def _text(published: Published, differences: Iterable[str]) -> str:
    """For example `98.8 (Snell et al. 2017): trained on 60-way episodes`."""
    return f"{published.figure} ({published.source}): {'; '.join(differences) or 'none is known'}"
