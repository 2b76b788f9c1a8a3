"""The tiers of `metabench regress`: which learners each holds, and how briefly they are trained.

The settings are those of small networks, and the committed documents hold them. Learners that are
trained on streams have a task of their own, of two classes and 8 x 8 pixels: in tasks as those of
the others they are at chance after so short a training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from metabench import data, registry
from metabench.contracts.learner import train_shape
from metabench.recipes import Recipe
from metabench.tracks.fewshot.plan import Plan, plan_run
from metabench.types import EpisodeShape, Protocol, StreamShape

BASELINE = Path("leaderboards") / "ci"
WISHES = {
    "width": 16,
    "train_way": 20,
    "train_query": 3,
    "learning_rate": 2e-3,
    "clusters": 100,
    "partitions": 5,
}
# Fewer inner steps, and smaller batches, than by default: they are what these take their time for.
OWN = {
    "finetune": {"inner_steps": 4},
    "maml": {"inner_steps": 3},
    "meta_lstm": {"inner_steps": 4},
    "real_nvp": {"width": 4, "images": 16},
    "reptile": {"test_steps": 12, "inner_batch": 4},
    "scratch": {"inner_steps": 12},
}
STEPS = 60
SHAPE = EpisodeShape(5, 1, 15)


def _lengths(steps: int, chunk: int, **more: int) -> dict[str, Any]:
    found = {"steps": steps, "chunk": chunk, "validate_every": steps, "validation_episodes": 2}
    return {**found, "select": "last", **more}


class Training(NamedTuple):
    """What is tested, and how it is trained."""

    protocol: Protocol
    settings: Mapping[str, Any]  # of learners that have such options
    lengths: Mapping[str, Any]


EPISODES = Training(
    Protocol("strokes", "alphabets", way=5, shot=1, query=15, episodes=64, image_size=20),
    WISHES,
    _lengths(STEPS, STEPS),
)
OMNIGLOT = EPISODES._replace(
    protocol=Protocol("omniglot", "vinyals", way=5, shot=1, query=15, episodes=64, image_size=28)
)
STREAMS = Training(
    Protocol(
        "strokes", "alphabets", way=2, shot=0, query=4, episodes=128, image_size=8, labels="onehot"
    ),
    {"width": 24, "warmup": 0, "decay": "constant", "learning_rate": 1e-2},
    _lengths(800, 100, batch=32),
)


class Tier(NamedTuple):
    """One folder of the baseline."""

    learners: tuple[str, ...] | None  # None: all that are tested on episodes
    streams: tuple[str, ...]
    episodes: Training
    seeds: int  # of a document


TIERS = {
    "fast": Tier(None, ("lstm",), EPISODES, 12),
    "omniglot": Tier(("matching", "pixel_nn"), (), OMNIGLOT, 4),
    "nightly": Tier((), ("fast_weights", "mann", "ntm"), EPISODES, 6),
}
FAST = "fast"
FOLDER, SEEDS = BASELINE / FAST, TIERS[FAST].seeds


def learners(tier: str = FAST) -> tuple[str, ...]:
    """The names of those that a tier holds."""
    named = TIERS[tier].learners
    return (*(_of_episodes() if named is None else named), *TIERS[tier].streams)


def _of_episodes() -> tuple[str, ...]:
    """The registered learners that are trained on episodes or images, and untrained ones."""
    return tuple(
        name
        for name in registry.names("learners")
        if registry.takes(name, EpisodeShape)
        and not isinstance(train_shape(registry.build_learner(name, SHAPE, {}), SHAPE), StreamShape)
    )


def plan_of(learner: str, tier: str = FAST, cache: Path | None = None) -> Plan:
    """The short training of `learner`; data is prepared where it must be."""
    training = STREAMS if learner in TIERS[tier].streams else TIERS[tier].episodes
    protocol, settings = training.protocol, training.settings
    wished = {name: settings[name] for name in registry.options(learner) if name in settings}
    return plan_run(
        learner,
        protocol,
        data.load_or_prepare(protocol.dataset, protocol.image_size, cache=cache, progress=False),
        recipe=Recipe("brief"),
        settings=wished | OWN.get(learner, {}),
        lengths=training.lengths,
        seeds=tuple(range(TIERS[tier].seeds)),
        run_dir=Path("runs"),
    )


def command(tier: str) -> str:
    """What a committed document says made it."""
    return "python -m benchmarks.gate" + ("" if tier == FAST else f" --tier {tier}") + " --write"
