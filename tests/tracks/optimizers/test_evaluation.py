"""An evaluation's document: paired, with what it rests on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.files.canonical import canonical
from metabench.learned_optimizers.lstm.coordinatewise import ALL, Weights, first_weights
from metabench.learned_optimizers.lstm.files import TrainedOptimizer
from metabench.learned_optimizers.problems.quadratic import quadratic
from metabench.plots.optimizers import loss_curves
from metabench.tracks.optimizers import evaluation
from metabench.tracks.optimizers.evaluation import asked, evaluate, multiples_of
from metabench.tracks.optimizers.tuning import Tuned


@pytest.fixture(scope="module")
def found():
    """An LSTM that does nothing, beside descent that does nothing and Adam."""
    first = first_weights(jax.random.key(0), 2, 1)
    idle = Weights(first.layers, jnp.zeros(2), jnp.zeros(()))
    trained = TrainedOptimizer({ALL: idle}, 0.1, 10.0, {"task": "t", "plan": {"horizon": 2}})
    rates = {"sgd": Tuned(0.0, ((0.0, 1.0),)), "adam": Tuned(0.1, ((0.1, 1.0), (1.0, None)))}
    with pytest.MonkeyPatch.context() as patch:
        makers = {name: evaluation.BASELINES[name] for name in rates}
        patch.setattr(evaluation, "BASELINES", makers)
        wanted = asked("quadratic", 6, (1, 2), trained.horizon)
        return evaluate(wanted, quadratic(), trained, rates, command="metabench optimize")


def test_runs_are_paired(found):
    np.testing.assert_array_equal(found.runs["lstm"].losses, found.runs["sgd"].losses)
    rows = found.document["lstm_minus"]
    assert [(row["mean"], row["ci95"], row["lower"]) for row in rows["sgd"]] == [(0, 0, 0)] * 2
    assert rows["adam"][0]["mean"] > 0


def test_the_document_tells_what_it_rests_on(found):
    document = found.document
    assert document["protocol"]["stops"] == [2, 4]
    assert document["protocol"]["instances"] == 6
    assert document["optimizer"]["task"] == "t"
    assert document["tuning"]["baselines"]["adam"] == {
        "rate": 0.1,
        "rates": [0.1, 1.0],
        "mean_final_loss": [1.0, None],
    }
    assert document["figures"]["lstm"]["at"][0]["diverged"] == 1.0
    assert document["figures"]["adam"]["at"][1]["diverged"] == 0.0
    # What does nothing is where Adam is at first; Adam itself is there at its own step.
    assert document["figures"]["lstm"]["adam_steps"] == 0
    assert document["figures"]["adam"]["adam_steps"] == 2
    assert canonical(document).startswith("{")
    assert loss_curves(document, "title")[:4] == b"\x89PNG"


def test_multiples():
    assert multiples_of("1, 2,10") == (1, 2, 10)
