"""Results made by hand, small enough to check by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from metabench.results.result import Result, SeedRun
from metabench.types import Protocol

DATASET, EPISODES, SPLIT = "d" * 64, "e" * 64, "5" * 64
COST = {
    "train_seconds": 90.0,
    "train_episodes_per_second": 111.1,
    "test_episodes_per_second": 250.4,
    "adaptation_ms": 1.234,
    "peak_memory_mb": 987.6,
}


def run_of(correct: tuple[int, ...], queries: int, seed: int = 0) -> SeedRun:
    """One seed's run; its interval is that of the definition."""
    accuracy = np.array(correct) / queries
    return SeedRun(
        seed=seed,
        accuracy=float(accuracy.mean()),
        ci95=float(1.96 * accuracy.std(ddof=1) / np.sqrt(len(correct))),
        correct=correct,
        validation_accuracy=0.75,
        train_steps=100,
        best_step=50,
        cost=COST,
    )


def made_up(
    learner: str = "protonet", *seeds: tuple[int, ...], protocol: Any = None, **changes: Any
) -> Result:
    """A 2-way result with 5 queries per class; `seeds`: correct answers in each episode."""
    seeds = seeds or ((10, 8, 10, 8),)
    usual = {"split": "alphabets", "way": 2, "shot": 1, "query": 5, "episodes": len(seeds[0])}
    digests = {"dataset_digest": DATASET, "episode_digest": EPISODES}
    asked = {"dataset": "strokes", **usual, "image_size": 28, **digests, **(protocol or {})}
    queries = asked["way"] * asked["query"]
    result = Result(
        learner=learner,
        learner_version="metabench 0.1.0",
        hyperparameters={"width": 64, "clip": None},
        recipe={"name": "defaults", "train": {"steps": 100}},
        parameter_count=112_000,
        transductive=False,
        protocol=Protocol(**asked),
        dataset_digest=DATASET,
        dataset_source="made up",
        split_digest=SPLIT,
        episode_digest=EPISODES,
        runs=tuple(run_of(correct, queries, seed) for seed, correct in enumerate(seeds)),
        environment={
            "python": "3.12.0",
            "packages": {},
            "device": {},
            "commit": "0123456789abcdef",
        },
        command=f"metabench run --learner {learner}",
        created="2026-01-02T03:04:05+00:00",
    )
    return dataclasses.replace(result, **changes)


def made_up_online(learner: str, *streams: tuple[int, ...], way: int = 5, **changes: Any) -> Result:
    """An online result on Omniglot; `streams`: right answers at each presentation."""
    each, correct = len(streams[0]), tuple(map(sum, streams))
    online = {"shot": 0, "query": each, "image_size": 20, "labels": "onehot"}
    omniglot = {"dataset": "omniglot", "split": "vinyals", "way": way, "episodes": len(streams)}
    plain = made_up(learner, correct, protocol={**omniglot, **online}, **changes)
    run = dataclasses.replace(plain.runs[0], by_presentation=streams)
    return dataclasses.replace(plain, runs=(run,))
