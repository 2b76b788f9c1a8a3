"""A folder of results whose texts would be markup, if anything read them as such."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from metabench.results import document, looks
from metabench.results.result import Curve, Result
from tests.made_up_result import made_up, made_up_online
from tests.places import ROOT

SCRIPT = "<script>window.hacked = 1</script>"
BREAKOUT = '"><img src=x onerror="window.hacked = 1">'
CLAIMS = {"extra_data": f"all of it {SCRIPT}", "authors": [BREAKOUT]}


def write(folder: Path) -> Path:
    """Two boards of episodes, one of streams, and one of each other track; a look at one entry."""
    results = [
        curved(
            made_up("protonet", (10, 8, 10, 8), (9, 8, 9, 8)), (0.5, None, 0.8), (2.0, 1.0, 0.5)
        ),
        curved(
            made_up("matching", (7, 8, 7, 6), transductive=True, parameter_count=9), (0.7,), (-3.0,)
        ),
        made_up(SCRIPT, (5, 5, 6, 5), claims=CLAIMS, command=f"run {BREAKOUT}"),
        made_up("pixel_nn", (3, 4, 3, 4), protocol={"shot": 5}, parameter_count=0),
        made_up_online("mann", (1, 4, 5), (0, 3, 5)),
    ]
    for number, result in enumerate(results):
        path = folder / result.protocol.id / f"entry-{number}.json"
        document.write(result, path)
        if result.learner == SCRIPT:
            looks.write(result, [look()], path)
    for track in ("forecast", "optimizers", "causal"):
        for source in sorted((ROOT / "leaderboards" / track).glob("*/*.json"))[:1]:
            place = folder / source.relative_to(ROOT / "leaderboards")
            place.parent.mkdir(parents=True)
            text = json.loads(source.read_text(encoding="utf-8"))
            text["command"] = BREAKOUT
            place.write_text(json.dumps(text), encoding="utf-8")
    return folder


def curved(result: Result, validation: tuple[float | None, ...], loss: tuple[float, ...]) -> Result:
    """`result` with this learning curve in each run."""
    curve = Curve(tuple(range(30, 30 + len(loss))), validation, loss)
    runs = tuple(dataclasses.replace(run, curve=curve) for run in result.runs)
    return dataclasses.replace(result, runs=runs)


def look() -> looks.Look:
    """Three classes with names that would be markup; one query is answered wrongly."""
    images = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 1)).astype(np.uint8)
    labels = np.arange(3)
    return looks.look(
        4, (images, labels), (images, labels), np.array([0, 2, 2]), (SCRIPT, "b", "c")
    )
