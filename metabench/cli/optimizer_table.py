"""What `metabench optimize evaluate` prints: a line for each optimizer, and paired differences."""

from __future__ import annotations

from typing import Any


def show(document: dict[str, Any]) -> None:
    """Print the figures of an evaluation as two tables; documents of version 1 too."""
    from rich.console import Console

    from metabench.results import tables

    protocol = document["protocol"]
    stops, seeds = protocol["stops"], protocol.get("training_seeds", 1)
    trainings = f" and {seeds} training seeds" if seeds > 1 else ""
    print(
        f"{document['task']}: loss after {', '.join(map(str, stops))} steps, mean over "
        f"{protocol['instances']:,} instances{trainings}; "
        f"the area is the mean loss of the first {stops[0]}"
    )
    steps = tuple(f"step {stop:,}" for stop in stops)
    head = ("", "rate", *steps, "area", "diverged", "Adam's steps")
    console = Console(width=160)
    console.print(tables.table(head, [_line(document, n) for n in document["figures"]]))
    for mine in ("lstm", "lstm_reset"):
        if f"{mine}_minus" in document:
            print(f"{_name(document, mine)} minus the other, paired, and where it is lower:")
            rows = document[f"{mine}_minus"]
            lines = [(name, *map(_difference, row)) for name, row in rows.items()]
            console.print(tables.table(("", *steps), lines))
            print(_verdict(document, mine))


def _verdict(document: dict[str, Any], mine: str) -> str:
    if "below_every_baseline" not in document:
        return ""
    stops = document["below_every_baseline"][mine]
    if not stops:
        return f"{mine} is below every baseline, interval included, at none of these steps"
    return f"{mine} is below every baseline, interval included, after {_listed(stops)} steps"


def _listed(stops: list[int]) -> str:
    return ", ".join(f"{stop:,}" for stop in stops)


def _difference(row: dict[str, Any]) -> str:
    p = f", p = {row['p']:.1g}" if "p" in row else ""
    return f"{row['mean']:+.4g} ± {row['ci95']:.2g}, {row['lower']:.0%}{p}"


def _name(document: dict[str, Any], name: str) -> str:
    if name != "lstm_reset":
        return name
    return f"{name} (every {document['reset']['every']} steps; ours)"


def _line(document: dict[str, Any], name: str) -> tuple[str, ...]:
    found = document["figures"][name]
    tuned = document["tuning"]["baselines"].get(name)
    losses = [row["final_loss"] for row in found["at"]]
    area, last = found["at"][0]["area"], document["protocol"]["stops"][-1]
    steps = found["adam_steps"]
    return (
        _name(document, name),
        "learned" if tuned is None else _rates(tuned),
        *(f"{loss['mean']:.4g} ± {loss['ci95']:.2g}" for loss in losses),
        f"{area['mean']:.4g}",
        f"{found['at'][0]['diverged']:.0%}",
        f"over {last:,}" if steps is None else f"{steps:,}",
    )


def _rates(tuned: dict[str, Any]) -> str:
    """The rate, or the rates where they differ from one number of steps to the next."""
    rates = dict.fromkeys(one["rate"] for one in tuned.get("chosen", [tuned]))
    return ", ".join(f"{rate:.3g}" for rate in rates)
