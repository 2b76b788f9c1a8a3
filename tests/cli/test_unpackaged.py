"""Learners in a file of the user's own, from the command line."""

import json
from pathlib import Path

LEARNER = """
import jax.numpy as jnp
from metabench import EpisodeLearner, EpisodeShape, pixels

def mean_ink(shape: EpisodeShape, *, power: float = 1.0):
    \"\"\"The class whose support has about as much ink.\"\"\"
    def ink(x):
        return pixels(x).mean((1, 2, 3)) ** power
    def adapt(state, x, y, key):
        return jnp.zeros(shape.way).at[y].add(ink(x)) / jnp.bincount(y, length=shape.way)
    def predict(task, x):
        return -jnp.abs(ink(x)[:, None] - task[None])
    return EpisodeLearner(lambda key: (), adapt, predict)
"""
ASKED = ("--dataset", "strokes", "--episodes", "10", "--quiet")


def test_a_file_runs_without_a_package(metabench, strokes):
    Path("mine.py").write_text(LEARNER)
    outcome = metabench("run", "--learner", "mine.py:mean_ink", *ASKED, "--out", "found.json")
    assert outcome.code == 0, outcome.err
    result = json.loads(Path("found.json").read_text())
    assert result["learner"] == "mine.mean_ink"
    assert len(result["learner_digest"]) == 64
    assert result["command"].startswith("metabench run --learner mine.py:mean_ink --dataset")
    assert result["runs"][0]["accuracy"] > 0.25


def test_mistakes_are_one_sentence(metabench, strokes):
    Path("mine.py").write_text(LEARNER)
    for learner, options, said in (
        ("mine.py:mean_inc", (), "did you mean `mean_ink`?"),
        ("other.py:mean_ink", (), "names the file other.py, but there is none"),
        ("mine.py:mean_ink", ("--set", "power=big"), "`power` of learner `mine.mean_ink` is 'big'"),
        ("mine.py:mean_ink", ("--protocol", "online"), "has no part in the online protocol"),
    ):
        outcome = metabench("run", "--learner", learner, *ASKED, *options)
        assert outcome.code == 2
        assert said in outcome.err
        assert not list(Path().glob("leaderboards/*/*.json"))


def test_scores_that_are_no_numbers_are_told_at_the_end(metabench, strokes):
    Path("mine.py").write_text(LEARNER.replace("-jnp.abs(", "jnp.nan * ("))
    outcome = metabench("run", "--learner", "mine.py:mean_ink", *ASKED, "--out", "found.json")
    assert outcome.code == 0, outcome.err
    assert "\nWARNING: in 10 of 10 test episodes the learner answered with scores" in outcome.out
    (run,) = json.loads(Path("found.json").read_text())["runs"]
    assert (run["accuracy"], run["nan_episodes"]) == (0.0, 10)
