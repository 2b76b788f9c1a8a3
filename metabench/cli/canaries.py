"""What a person reads of a run's canaries: a small table, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metabench.scoring.canaries.canary import Canary

VERDICTS = {True: "holds", False: "FAILS", None: "measured"}
EXPECTED = {"chance": "chance", "1": "near 100 %", "unchanged": "0 % change", "measured": "-"}
AS_GOOD = "same accuracy"  # where answers may change, but not how many are right


def _expected(one: Canary) -> str:
    judged = one.expected == "measured" and one.holds is not None
    return AS_GOOD if judged else EXPECTED[one.expected]


def tell_canaries(found: Iterable[Mapping[str, Any]]) -> None:
    """Print the canaries of a result: figures, verdicts, and sentences on those that fail."""
    from rich.console import Console

    from metabench.results.tables import percent, table
    from metabench.scoring.canaries.canary import from_json

    canaries = from_json(found)
    measured = [one for one in canaries if one.mean is not None]
    lines = [
        (
            one.name,
            f"{percent(one.mean or 0)} ± {percent(one.ci95 or 0)}",
            _expected(one),
            VERDICTS[one.holds],
        )
        for one in measured
    ]
    print("canaries, of the first seed: right answers %, or answers that changed %")
    Console().print(table(("canary", "measured %", "expected", ""), lines))
    failing = [one for one in canaries if one.holds is False]
    for one in failing:
        print(f"{one.name}: {one.said}.")
    for said in dict.fromkeys(one.said for one in canaries if one.mean is None):
        names = ", ".join(one.name for one in canaries if one.said == said)
        print(f"{names}: {said}.")
    judged = sum(one.holds is not None for one in canaries)
    if failing:
        names = ", ".join(one.name for one in failing)
        fail = "fails" if len(failing) == 1 else "fail"
        number = f"{len(failing)} of {judged}"
        print(f"WARNING: {number} canaries {fail}: {names}; see docs/canaries.md")
    else:
        print(f"All {judged} canaries that are judged hold.")
