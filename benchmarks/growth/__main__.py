"""`python -m benchmarks.growth [curves] [--out FILE]`: measure points, keep them, draw curves.

Each point is a process of its own, so that its memory is its own. What the file holds already is
not measured again; `--anew` begins from nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.growth.curves import CURVES, Curve
from benchmarks.growth.picture import draw
from benchmarks.growth.work import Point, measure
from metabench.files.publish import write_text
from metabench.results import environment

FIGURES = Path(__file__).with_name("figures.json")
PICTURE = Path("docs/pictures/growth.png")
LIMIT = 900  # seconds of a point


def main() -> None:
    """Measure what is missing, one point after the other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("names", nargs="*", choices=(*CURVES, []), default=[])
    parser.add_argument("--out", type=Path, default=FIGURES, help="file of the figures")
    parser.add_argument("--anew", action="store_true", help="measure every point again")
    parser.add_argument("--point", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.point is not None:
        print(json.dumps(measure(Point(**json.loads(given.point)))))
        return
    found = _kept(given.out) if not given.anew else {}
    for name in given.names or CURVES:
        for line, points in CURVES[name].lines.items():
            for x, point in points.items():
                _one(found, CURVES[name], (name, line, str(x)), point, given.out)
    draw(found, PICTURE)


def _one(
    found: dict[str, Any], curve: Curve, place: tuple[str, str, str], point: Point, out: Path
) -> None:
    """Measure a point unless it is there, and write the file."""
    name, line, x = place
    kept = found.setdefault(name, {}).setdefault(line, {})
    if x in kept:
        return
    kept[x] = _measured(point, curve.cores_of(x))
    print(f"{name}, {line}, {x}: {kept[x]}", flush=True)
    document = {"environment": environment.describe(), "figures": found}
    write_text(out, json.dumps(document, indent=1) + "\n")


def _measured(point: Point, cores: int | None) -> dict[str, Any]:
    """The figures of a process that may use so many cores; the reason where it failed."""
    there = sorted(os.sched_getaffinity(0))[:cores]
    words = [
        sys.executable,
        "-m",
        "benchmarks.growth",
        "--point",
        json.dumps({**point._asdict(), "settings": dict(point.settings)}),
    ]
    try:
        done = subprocess.run(
            ["taskset", "-c", ",".join(map(str, there)), *words],
            capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {LIMIT} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def _kept(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))["figures"] if path.is_file() else {}


if __name__ == "__main__":
    main()
