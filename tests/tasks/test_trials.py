"""Given episodes: every drawing on its own side, labels permuted, queries shuffled."""

import os

import jax.numpy as jnp
import numpy as np
import pytest

from metabench import data
from metabench.learners.untrained.modified_hausdorff import modified_hausdorff
from metabench.scoring.episodes import evaluate
from metabench.tasks.protocol_table import protocol_table, shape_of
from metabench.tasks.protocols import TRIALS
from metabench.tasks.trials import with_trials
from metabench.types import ClassTable, Dataset

RUNS, WAY, DRAWINGS = 30, 4, 3


@pytest.fixture(scope="module")
def fixed():
    """Class c of run r has images 100 r + 10 c, + 1 and + 2; the first is the support."""
    numbers = np.array([[100 * r + 10 * c for c in range(WAY)] for r in range(RUNS)]).reshape(-1)
    names = tuple(f"run{r:02d}/class{c}" for r in range(RUNS) for c in range(WAY))
    dataset = Dataset("t", np.zeros((1, 1, 1, 1)), np.zeros(1), names, {}, "", "", "", True)
    classes = RUNS * WAY
    table = ClassTable(
        images=jnp.zeros((1, 1, 1, 1), jnp.uint8),
        members=jnp.asarray(numbers[:, None] + np.arange(DRAWINGS), jnp.int32),
        counts=jnp.full(classes, DRAWINGS),
        class_ids=jnp.arange(classes, dtype=jnp.int32),
    )
    return with_trials(table, dataset).fixed


def test_one_episode_for_each_run_with_all_of_its_classes(fixed):
    assert fixed.classes.shape == (RUNS, WAY)
    for run, classes in enumerate(fixed.classes.tolist()):
        assert sorted(classes) == [WAY * run + c for c in range(WAY)]


def test_first_drawings_are_supports_and_all_others_queries(fixed):
    assert (fixed.support % 10 == 0).all()
    for run in range(RUNS):
        wanted = [100 * run + 10 * c + d for c in range(WAY) for d in range(1, DRAWINGS)]
        assert sorted(fixed.query[run].tolist()) == wanted


def test_labels_tell_the_class(fixed):
    for images, labels in ((fixed.support, fixed.support_y), (fixed.query, fixed.query_y)):
        behind = np.take_along_axis(np.asarray(fixed.classes), np.asarray(labels), axis=1)
        np.testing.assert_array_equal(behind % WAY, images // 10 % 10)


def test_neither_labels_nor_queries_stand_in_the_order_of_the_classes(fixed):
    assert len({tuple(row) for row in (fixed.classes % WAY).tolist()}) > RUNS // 2
    assert len({tuple(row) for row in fixed.query_y.tolist()}) > RUNS // 2


@pytest.mark.realdata
@pytest.mark.usefixtures("optimised")
def test_modified_hausdorff_errs_in_exactly_the_published_38_8_percent():
    """From the archive to the counts: 155 of the 400 trials, as the demo that ships with them."""
    archives = os.environ["METABENCH_ARCHIVES"]
    trials = data.load_or_prepare("omniglot_trials", archives=archives, progress=False)
    shape, table = shape_of(TRIALS[0], trials), protocol_table(trials, TRIALS[0])
    learner = modified_hausdorff(shape)
    correct = evaluate(learner, (), table, shape, seed=0, episodes=20)
    assert 400 - int(correct.sum()) == 155
