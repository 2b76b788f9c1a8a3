"""Planted faults change accuracies, what is no fault does not; and the rates are counted."""

import numpy as np
import pytest

from benchmarks.gate import tier
from benchmarks.gate.faults import FAULTS
from benchmarks.gate.rates import Rate, repetition
from metabench.compute.native import use_native
from metabench.results import document
from metabench.tracks.fewshot.brief import Brief
from metabench.tracks.fewshot.canaries import canaries
from metabench.training.meta_training import initial_state
from tests.made_up_result import made_up
from tests.places import ROOT


def counted(learner, fault):
    """Accuracy after the tier's short training with a fault."""
    with FAULTS[fault].planted():
        return Brief(tier.plan_of(learner)).run(0).accuracy


def test_shifted_labels_and_a_broken_metric_are_seen_without_training_and_chunks_are_not():
    plain = counted("pixel_nn", "none")
    assert counted("pixel_nn", "chunks") == plain
    assert counted("pixel_nn", "labels") < 0.2
    assert counted("pixel_nn", "metric") < plain - 0.05


@pytest.mark.slow
def test_an_inverted_temperature_lowers_matching_networks():
    sound = document.read(ROOT / "leaderboards/ci/fast/matching.json").runs[0]
    assert sound.seed == 0
    assert counted("matching", "temperature") < sound.accuracy - 0.05


def test_statistics_of_the_test_are_found_by_the_canaries():
    plan = tier.plan_of("protonet")
    state, alone = initial_state(plan.trainee, 0), "single query"
    for fault, holds in (("none", True), ("batch_norm", False)):
        with FAULTS[fault].planted(), use_native(True):  # which compiles faster
            found = {one.name: one for one in canaries(plan, state, episodes=4)}
        assert found[alone].holds is holds


def rows(seeds, right, start):
    """Right answers of ten: [seeds, 64]."""
    random = np.random.default_rng(start)
    rows = right + random.normal(0, 0.2, (seeds, 1)) + random.normal(0, 0.8, (seeds, 64))
    return np.clip(rows.round(), 0, 10).astype(int)


def test_a_repetition_finds_the_learner_with_a_fault_and_no_other():
    counts = {"a": rows(20, 6, 0), "b": rows(20, 7, 1)}
    results = {name: made_up(name, *map(tuple, found.tolist())) for name, found in counts.items()}
    generator = np.random.default_rng(0)
    assert not repetition(results, counts, {}, generator)
    assert repetition(results, counts, {"a": rows(4, 4, 2)}, generator) == {"a"}


def test_a_rate_has_wilsons_interval():
    low, high = Rate(0, 200).interval
    assert (low, high) == pytest.approx((0.0, 0.01884), abs=1e-4)
    assert str(Rate(2, 200)).startswith("2 of 200 (1.00 %, 95 % interval 0.27 to 3.57 %)")
