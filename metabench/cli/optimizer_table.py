"""What `metabench optimize evaluate` prints: a line for each optimizer."""

from __future__ import annotations

from typing import Any


def show(document: dict[str, Any]) -> None:
    """Print the figures of an evaluation as a table."""
    from rich.console import Console

    from metabench.results import tables

    protocol = document["protocol"]
    stops = protocol["stops"]
    print(
        f"{document['task']}: loss after {', '.join(map(str, stops))} steps, mean over "
        f"{protocol['instances']:,} instances; the area is the mean loss of the first {stops[0]}"
    )
    head = ("", "rate", *(f"step {stop:,}" for stop in stops), "area", "diverged", "Adam's steps")
    Console(width=160).print(tables.table(head, [_line(document, n) for n in document["figures"]]))
    print(f"lstm minus the other after {stops[0]} steps, paired, and where the lstm is lower:")
    for name, rows in document["lstm_minus"].items():
        first = rows[0]
        print(f"  {name}: {first['mean']:+.4g} ± {first['ci95']:.2g}, {first['lower']:.0%}")


def _line(document: dict[str, Any], name: str) -> tuple[str, ...]:
    found = document["figures"][name]
    tuned = document["tuning"]["baselines"].get(name)
    losses = [row["final_loss"] for row in found["at"]]
    area, last = found["at"][0]["area"], document["protocol"]["stops"][-1]
    steps = found["adam_steps"]
    return (
        name,
        "learned" if tuned is None else f"{tuned['rate']:.3g}",
        *(f"{loss['mean']:.4g} ± {loss['ci95']:.2g}" for loss in losses),
        f"{area['mean']:.4g}",
        f"{found['at'][0]['diverged']:.0%}",
        f"over {last:,}" if steps is None else f"{steps:,}",
    )
