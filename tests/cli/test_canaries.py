"""`metabench run --canaries` measures after the test, and says in words what fails."""

import json
from pathlib import Path

LEARNER = """
import jax.numpy as jnp
from metabench import EpisodeLearner, EpisodeShape, pixels

def by_order(shape: EpisodeShape):
    \"\"\"Takes the labels from the order of the supports.\"\"\"
    def ink(x):
        return pixels(x).reshape(len(x), -1)
    def adapt(state, x, y, key):
        return ink(x).reshape(shape.way, shape.shot, -1).mean(1)
    def predict(task, x):
        return -jnp.square(ink(x)[:, None] - task[None]).sum(-1)
    return EpisodeLearner(lambda key: (), adapt, predict)
"""
ASKED = ("--dataset", "strokes", "--episodes", "40", "--query", "3", "--quiet")


def test_what_fails_is_said_and_written(metabench, strokes):
    Path("mine.py").write_text(LEARNER)
    asked = ("run", "--learner", "mine.py:by_order", *ASKED, "--out", "found.json")
    outcome = metabench(*asked, "--canaries")
    assert outcome.code == 0, outcome.err
    said = " ".join(outcome.out.split())
    assert "chance FAILS" in said
    assert "blank supports 20.00 ± 0.00 chance holds" in said
    assert "shuffled labels: " in said
    assert "look for the order of the supports" in said
    assert "WARNING: 1 of 7 canaries fails: shuffled labels; see docs/canaries.md" in said
    found = {one["name"]: one for one in json.loads(Path("found.json").read_text())["canaries"]}
    assert found["shuffled labels"]["holds"] is False
    assert found["same image"]["mean"] > 0.95
    assert metabench(*asked).code == 0
    assert "canaries" not in json.loads(Path("found.json").read_text())
