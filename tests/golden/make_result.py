"""The golden result files: what they hold, and how the present version is written.

Those of earlier versions are kept as they were, as long as they can be read. The present one is
made by

    python tests/golden/make_result.py > tests/golden/result-v3.json
"""

from __future__ import annotations

import sys

from metabench.results.document import to_json
from metabench.results.result import Result, SeedRun
from metabench.types import Protocol

COST = {
    "train_seconds": 61.5,
    "train_episodes_per_second": 162.6,
    "test_episodes_per_second": 1024.0,
    "adaptation_ms": 0.125,
    "peak_memory_mb": 512.5,
}
RESULT = Result(
    learner="matching",
    learner_version="metabench 0.1.0",
    hyperparameters={"width": 64, "clip": None, "learning_rate": 1e-05, "full_context": False},
    recipe={"name": "omniglot/matching", "train": {"steps": 10000, "batch": 1}},
    parameter_count=111937,
    transductive=True,
    protocol=Protocol(
        dataset="omniglot",
        split="vinyals",
        way=5,
        shot=1,
        query=2,
        episodes=4,
        image_size=28,
        dataset_digest="0" * 64,
        episode_digest="1" * 64,
    ),
    dataset_digest="0" * 64,
    dataset_source="published archives – “checksums verified”",
    split_digest="2" * 64,
    episode_digest="1" * 64,
    runs=(
        SeedRun(0, 0.925, 0.094, (10, 9, 10, 8), 0.9625, 10000, 9500, COST),
        SeedRun(1, 0.9, 0.0, (9, 9, 9, 9), None, 10000, 10000, COST),
    ),
    environment={
        "python": "3.12.0",
        "packages": {"metabench": "0.1.0", "jax": "0.10.2"},
        "platform": "Linux x86_64",
        "cpus": 2,
        "device": {"platform": "cpu", "kind": "cpu", "count": 1},
        "commit": "0123456789abcdef0123456789abcdef01234567",
    },
    command="metabench run --learner matching --set 'widths=[1, 2]'",
    created="2026-01-02T03:04:05+00:00",
)

if __name__ == "__main__":
    sys.stdout.write(to_json(RESULT))
