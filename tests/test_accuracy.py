"""Every learner, trained briefly on `strokes`, is as accurate as it was when it was committed.

`python -m tests.test_accuracy` trains each, or those that it is given, with five seeds and writes
the accuracies to golden/accuracy.json. The test trains the first seed again, of
those learners that `make guard` does not train (`leaderboards/ci/fast/`). Episodes are the same
ones, so what may differ is rounding, which a training amplifies to at most the spread over seeds.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from metabench import data, registry
from metabench.contracts.learner import train_shape
from metabench.recipes import Recipe
from metabench.tracks.fewshot.plan import plan_run
from metabench.tracks.fewshot.run import execute
from metabench.training.watcher import Watcher
from metabench.types import EpisodeShape, Protocol, StreamShape
from tests.places import ROOT

GOLDEN = Path(__file__).parent / "golden" / "accuracy.json"
SEEDS = 5
SIGMAS = 4
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
TRAIN = {"steps": 75, "validate_every": 75, "validation_episodes": 20}
# Learners trained on streams are at chance after so short a training;
# `learners/recurrent/test_images.py` has them bind labels to images instead.
SHAPE = EpisodeShape(5, 1, 15)
LEARNERS = tuple(
    name
    for name in registry.names("learners")
    if registry.takes(name, EpisodeShape)
    and not isinstance(train_shape(registry.build_learner(name, SHAPE, {}), SHAPE), StreamShape)
)
# The others take longer to compile with optimisation than it saves.
LONG = ("cactus", "exemplar_svm", "modified_hausdorff")
GUARDED = {path.stem for path in (ROOT / "leaderboards" / "ci" / "fast").glob("*.json")}
PROTOCOL = Protocol("strokes", "alphabets", way=5, shot=1, query=15, episodes=100, image_size=28)


def accuracies(learner: str, seeds: int, folder: Path) -> list[float]:
    """Test accuracy of `learner` after the short training, for each seed."""
    settings = {name: WISHES[name] for name in registry.options(learner) if name in WISHES}
    settings |= OWN.get(learner, {})
    plan = plan_run(
        learner,
        PROTOCOL,
        data.load_or_prepare("strokes", progress=False),
        recipe=Recipe("short"),
        settings=settings,
        lengths=TRAIN,
        seeds=tuple(range(seeds)),
        run_dir=folder,
    )
    result = execute(plan, resume=False, command="", watcher=Watcher())
    return [run.accuracy for run in result.runs]


def test_every_learner_has_a_committed_accuracy():
    assert sorted(json.loads(GOLDEN.read_text())) == list(LEARNERS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all: what several learners build on is trained once."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.slow
@pytest.mark.parametrize("learner", [name for name in LEARNERS if name not in GUARDED])
def test_accuracy_is_as_committed(learner, folder, request):
    if learner in LONG:
        request.getfixturevalue("optimised")
    committed = np.array(json.loads(GOLDEN.read_text())[learner])
    spread = committed.std(ddof=1) * np.sqrt(1 + 1 / committed.size)
    (found,) = accuracies(learner, 1, folder)
    # Without training nothing is amplified: a few ties may break otherwise, no more.
    assert abs(found - committed.mean()) <= max(SIGMAS * spread, 0.002)


if __name__ == "__main__":
    import sys
    from tempfile import TemporaryDirectory

    import jax

    found = json.loads(GOLDEN.read_text()) if sys.argv[1:] else {}
    with TemporaryDirectory() as temporary:
        jax.config.update("jax_compilation_cache_dir", f"{temporary}/compiled")  # of all seeds
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        for name in sys.argv[1:] or LEARNERS:
            found[name] = accuracies(name, SEEDS, Path(temporary))
    GOLDEN.write_text(json.dumps(dict(sorted(found.items())), indent=2) + "\n")
    print(GOLDEN.read_text())
