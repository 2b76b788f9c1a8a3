"""What a sweep found: the best settings of each learner, by validation and never by test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from metabench.results.result import Result
from metabench.sweeps.cells import Cell

HOW = (
    "Best settings are chosen by the mean accuracy on validation classes; no test accuracy plays a "
    "part."
)
HEAD = ("protocol", "learner", "settings", "validation %", "test %", "of")


class Best(NamedTuple):
    """The best settings of a learner under a protocol."""

    cell: Cell
    result: Result
    validation: float | None  # mean over seeds, in [0, 1]; None where there was nothing to choose
    among: int  # settings that could be compared


def validation_of(result: Result) -> float | None:
    """The mean validation accuracy of the tested states; None if a seed has none."""
    found = [run.validation_accuracy for run in result.runs]
    known = [one for one in found if one is not None and one == one]
    return sum(known) / len(known) if len(known) == len(found) else None


def best_of(found: Sequence[tuple[Cell, Result]]) -> list[Best]:
    """For each protocol and learner the result that is best in validation.

    Of equals it is the first one. A learner that has no validation is left out where it has
    several settings: nothing but the test could choose among them.
    """
    groups: dict[tuple[str, str], list[tuple[Cell, Result]]] = {}
    for cell, result in found:
        groups.setdefault((cell.protocol.id, cell.learner), []).append((cell, result))
    chosen = []
    for group in groups.values():
        if len(group) == 1:
            ((cell, result),) = group
            chosen.append(Best(cell, result, validation_of(result), 1))
            continue
        valued = [(validation_of(result), cell, result) for cell, result in group]
        known = [(value, cell, result) for value, cell, result in valued if value is not None]
        if known:
            value, cell, result = max(known, key=lambda one: one[0])
            chosen.append(Best(cell, result, value, len(known)))
    return chosen


def without_choice(found: Sequence[tuple[Cell, Result]]) -> list[str]:
    """A sentence for each learner whose settings validation cannot tell apart."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for cell, result in found:
        groups.setdefault((cell.protocol.id, cell.learner), []).append(result)
    return [
        f"{learner} under {protocol} has no validation: none of its {len(group)} settings is chosen"
        for (protocol, learner), group in groups.items()
        if len(group) > 1 and all(validation_of(one) is None for one in group)
    ]


def labels(cells: Sequence[Cell]) -> dict[Path, str]:
    """What tells each cell from the others of its learner and protocol, by its path.

    `width=32, steps=500`, say.
    """
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.protocol.id, cell.learner), []).append(cell)
    found = {}
    for group in groups.values():
        first = group[0].chosen
        differ = [
            name
            for name in dict.fromkeys(name for one in group for name in one.chosen)
            if any(one.chosen.get(name, ...) != first.get(name, ...) for one in group)
        ]
        for one in group:
            words = (f"{name}={written(one.chosen, name)}" for name in differ)
            found[one.path] = ", ".join(words)
    return found


def written(chosen: Mapping[str, Any], name: str) -> str:
    """A value for people; `usual` where it is left to the recipe or the default."""
    if name not in chosen:
        return "usual"
    value = chosen[name]
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else str(value)


def rows(best: Sequence[Best], cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    """The table of the summary, under `HEAD`."""
    named = labels(cells)
    return [
        (
            one.cell.protocol.id,
            one.cell.learner,
            named[one.cell.path],
            "" if one.validation is None else f"{100 * one.validation:.2f}",
            f"{100 * one.result.accuracy:.2f}",
            f"{one.among} setting{'s' if one.among > 1 else ''}",
        )
        for one in best
    ]
