"""An evaluation's document: paired, with what it rests on."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.cli.optimizer_table import show
from metabench.errors import UserError
from metabench.files.canonical import canonical
from metabench.learned_optimizers.lstm.coordinatewise import ALL, Weights, first_weights
from metabench.learned_optimizers.lstm.files import TrainedOptimizer
from metabench.learned_optimizers.problems.quadratic import quadratic
from metabench.plots.optimizers import loss_curves
from metabench.results.head import head_of, loaded
from metabench.tracks.optimizers import evaluation
from metabench.tracks.optimizers.baseline_runs import Tuned
from metabench.tracks.optimizers.evaluation import asked, evaluate, multiples_of
from metabench.tracks.optimizers.tuning import Search, Trial

COMMITTED = Path(__file__).parents[3] / "leaderboards/optimizers"


def idle(seed):
    """An LSTM that does nothing."""
    first = first_weights(jax.random.key(0), 2, 1)
    weights = Weights(first.layers, jnp.zeros(2), jnp.zeros(()))
    about = {"task": "t", "plan": {"horizon": 2}, "seed": seed, "recipe": "mine"}
    about |= {"command": "metabench optimize", "environment": {"packages": {"metabench": "1"}}}
    return TrainedOptimizer({ALL: weights}, 0.1, 10.0, about)


def tuned(*rates):
    """A rate for each of two stops, as if all had been tried."""
    trials = tuple(Trial(rate, 0.999, (rate, None)) for rate in sorted(set(rates)))
    best = tuple(next(t for t in trials if t.rate == rate) for rate in rates)
    return Tuned(best, (Search(best, trials),))


@pytest.fixture(scope="module")
def found():
    """Two trainings that do nothing, beside descent that does nothing and Adam."""
    rates = {"sgd": tuned(0.0, 0.0), "adam": tuned(0.1, 0.2)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "BASELINES", {n: evaluation.BASELINES[n] for n in rates})
        wanted = asked("quadratic", 6, (1, 2), 2, reset_every=1)
        return evaluate(
            wanted, quadratic(), [idle(0), idle(7)], rates, command="metabench optimize"
        )


def test_runs_are_paired(found):
    own, other = (found.entries[name].first[0] for name in ("lstm", "sgd"))
    np.testing.assert_array_equal(own.losses, other.losses)
    rows = found.document["lstm_minus"]
    assert [(row["mean"], row["ci95"], row["lower"]) for row in rows["sgd"]] == [(0, 0, 0)] * 2
    assert [row["p"] for row in rows["sgd"]] == [1, 1]
    assert rows["adam"][0]["mean"] > 0
    assert len(rows["adam"][0]["seeds"]) == 2
    assert found.document["lstm_reset_minus"] == rows
    assert found.document["below_every_baseline"] == {"lstm": [], "lstm_reset": []}


def test_the_document_fits_its_schemas_and_holds_every_score(found):
    head = head_of(loaded(json.dumps(found.document)))
    assert (head.track, head.learner, head.seeds) == ("optimizers", "lstm", (0, 7))
    assert (head.learner_version, head.protocol) == ("metabench 1", "optimizers-quadratic-v2")
    scores, figures = found.document["scores"], found.document["figures"]
    assert scores.keys() == figures.keys()
    assert np.shape(scores["lstm"]) == (2, 2, 6)  # stops, seeds, instances
    assert np.shape(scores["adam"]) == (2, 1, 6)
    for name, values in scores.items():
        for stop, row in zip(values, figures[name]["at"], strict=True):
            assert np.mean(stop) == pytest.approx(row["final_loss"]["mean"], rel=1e-3)


def test_the_document_tells_what_it_rests_on(found):
    document = found.document
    assert document["protocol"]["stops"] == [2, 4]
    assert document["protocol"]["instances"] == 6
    assert document["protocol"]["training_seeds"] == 2
    assert document["optimizer"]["task"] == "t"
    assert [one["seed"] for one in document["further_seeds"]] == [7]
    assert document["reset"] == {"every": 1, "source": "ours, not the paper's"}
    adam = document["tuning"]["baselines"]["adam"]
    assert (adam["rate"], adam["trials"]) == (0.1, 2)
    assert adam["chosen"] == [
        {"steps": 2, "rate": 0.1, "b2": 0.999, "mean_final_loss": 0.1},
        {"steps": 4, "rate": 0.2, "b2": 0.999, "mean_final_loss": None},
    ]
    assert document["figures"]["lstm"]["at"][0]["diverged"] == 1.0
    assert document["figures"]["adam"]["at"][1]["diverged"] == 0.0
    # What does nothing is where Adam is at first; Adam itself is there at its own step.
    assert document["figures"]["lstm"]["adam_steps"] == 0
    assert document["figures"]["adam"]["adam_steps"] == 2
    assert len(document["figures"]["adam"]["curves"]) == 2
    assert canonical(document).startswith("{")
    assert loss_curves(document, "title")[:4] == b"\x89PNG"


def test_what_is_printed_has_both_curves_and_every_stop(found, capsys):
    show(found.document)
    said = capsys.readouterr().out
    assert "lstm_reset (every 1 steps; ours)" in said
    assert "6 instances and 2 training seeds" in said
    assert "0.1, 0.2" in said
    assert said.count("p = ") == 8


@pytest.mark.parametrize("path", sorted(COMMITTED.glob("*/*.json")), ids=lambda p: p.parent.name)
def test_committed_documents_are_shown(path, capsys):
    document = json.loads(path.read_text("utf-8"))
    show(document)
    assert "sgd" in capsys.readouterr().out
    assert loss_curves(document, "title")[:4] == b"\x89PNG"


def test_multiples():
    assert multiples_of("1, 2,10") == (1, 2, 10)


@pytest.mark.parametrize("every", [0, "often", 2**30])
def test_periods_that_make_no_sense(every):
    with pytest.raises(UserError, match="`reset-every` is"):
        asked("quadratic", None, (1,), 100, every)
