"""`python -m benchmarks.speed [names] [--out FILE]`: run, print a line each, write JSON."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from benchmarks.speed.kept_memory import keep_memory
from metabench.compute.devices import use_all_cores
from metabench.files.publish import write_text
from metabench.results import environment

NAMES = (
    "sampling",
    "evaluation",
    "training",
    "memory",
    "statistician",
    "maml",
    "optimizer",
    "time_to_accuracy",
    "data",
    "learners",
    "host_data",
    "seeds_together",
    "peer",
)


def main() -> None:
    """Run the chosen benchmarks, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("names", nargs="*", choices=(*NAMES, []), default=[])
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    kept, figures = keep_memory(), {}
    use_all_cores()
    for name in arguments.names or NAMES:
        figures[name] = importlib.import_module(f"benchmarks.speed.{name}").measure()
        _show(name, figures[name])
    if arguments.out:
        import torch

        where = {**environment.describe(), "torch": torch.__version__, "memory_kept": kept}
        document = {"environment": where, "figures": figures}
        write_text(arguments.out, json.dumps(document, indent=2) + "\n")


def _show(name: str, figures: dict) -> None:
    if "seconds" in figures:
        print(f"{name}: {figures}", flush=True)
        return
    for row, found in figures.items():
        print(f"{row}: {_line(found)}", flush=True)


def _line(found: dict) -> str:
    """A ratio and what it is of; or, where there is nothing to compare with, the figures."""
    if "ratio" not in found:
        return ", ".join(f"{value:,.4g} {unit}" for unit, value in found.items())
    span = f"{found['ratio_low']:.2f}–{found['ratio_high']:.2f}"
    number = found["episodes_per_s"]
    rate = f"{number:,.{0 if number >= 20 else 2}f} {found.get('unit', 'episodes')}/s"
    return f"{found['ratio']:.2f} × PyTorch ({span}), {rate}"


if __name__ == "__main__":
    main()
