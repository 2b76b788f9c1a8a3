"""The fast tier of `metabench regress`: every learner of episodes, trained briefly on `strokes`.

The settings are those of small networks, and the committed documents hold them. Learners trained
on streams are at chance after so short a training; their own tests have them bind labels to images
(`tests/learners/recurrent/test_images.py`).
"""

from __future__ import annotations

from pathlib import Path

from metabench import data, registry
from metabench.contracts.learner import train_shape
from metabench.recipes import Recipe
from metabench.tracks.fewshot.plan import Plan, plan_run
from metabench.types import EpisodeShape, Protocol, StreamShape

FOLDER = Path("leaderboards") / "ci" / "fast"
COMMAND = "python -m benchmarks.gate --write"  # what a committed document says made it
SEEDS = 12  # of a committed document
WISHES = {
    "width": 16,
    "train_way": 20,
    "train_query": 3,
    "learning_rate": 2e-3,
    "clusters": 100,
    "partitions": 5,
}
# Fewer inner steps than by default: they are what these take their time for.
OWN = {
    "finetune": {"inner_steps": 4},
    "maml": {"inner_steps": 3},
    "meta_lstm": {"inner_steps": 4},
    "reptile": {"test_steps": 12, "inner_batch": 4},
    "scratch": {"inner_steps": 12},
}
STEPS = 60
LENGTHS = {
    "steps": STEPS,
    "chunk": STEPS,
    "validate_every": STEPS,
    "validation_episodes": 2,
    "select": "last",
}
PROTOCOL = Protocol("strokes", "alphabets", way=5, shot=1, query=15, episodes=64, image_size=20)
SHAPE = EpisodeShape(5, 1, 15)


def learners() -> tuple[str, ...]:
    """The registered learners that are trained on episodes or images, and untrained ones."""
    return tuple(
        name
        for name in registry.names("learners")
        if registry.takes(name, EpisodeShape)
        and not isinstance(train_shape(registry.build_learner(name, SHAPE, {}), SHAPE), StreamShape)
    )


def plan_of(learner: str, cache: Path | None = None) -> Plan:
    """The short training of `learner`."""
    wished = {name: WISHES[name] for name in registry.options(learner) if name in WISHES}
    return plan_run(
        learner,
        PROTOCOL,
        data.load_or_prepare("strokes", PROTOCOL.image_size, cache=cache, progress=False),
        recipe=Recipe("brief"),
        settings=wished | OWN.get(learner, {}),
        lengths=LENGTHS,
        seeds=tuple(range(SEEDS)),
        run_dir=Path("runs"),
    )
