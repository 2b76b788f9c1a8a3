"""`metabench check` says in words what is wrong with a learner, and ends accordingly."""

import json
from pathlib import Path

import pytest

from metabench.conformance import report
from metabench.conformance.check import Outcome

LEARNERS = """
import jax, jax.numpy as jnp
from metabench import EpisodeLearner, EpisodeShape, pixels

def flat(x):
    return pixels(x).reshape(len(x), -1)

def right(shape: EpisodeShape, *, power: float = 2.0):
    def adapt(state, x, y, key):
        member = jax.nn.one_hot(y, shape.way, axis=0)
        return member @ flat(x) / member.sum(1, keepdims=True)
    def predict(task, x):
        return -(jnp.abs(flat(x)[:, None] - task[None]) ** power).sum(-1)
    return EpisodeLearner(lambda key: (), adapt, predict)

def wrong_shape(shape: EpisodeShape):
    whole = right(shape)
    return whole._replace(predict=lambda task, x: whole.predict(task, x).T)

def by_place(shape: EpisodeShape):
    whole = right(shape)
    def predict(task, x):
        place = jnp.arange(len(x)) * shape.way // len(x)
        return whole.predict(task, x) + 1e3 * jax.nn.one_hot(place, shape.way)
    return whole._replace(predict=predict)

seen = []

def remembers(shape: EpisodeShape):
    whole = right(shape)
    def adapt(state, x, y, key):
        seen.append(x)
        return whole.adapt(state, x, y, key) + seen[0].mean()
    return whole._replace(adapt=adapt)

def no_number(shape: EpisodeShape):
    whole = right(shape)
    return whole._replace(predict=lambda task, x: jnp.log(whole.predict(task, x)))
"""


@pytest.fixture
def mine(tmp_path, metabench):
    Path("mine.py").write_text(LEARNERS)
    return metabench


@pytest.fixture
def quick(monkeypatch):
    """No learner is built: the checks ended so."""

    def set_(*outcomes):
        def examined(learner, *, settings, begin):
            for one in outcomes:
                begin(one.check)
            return list(outcomes)

        monkeypatch.setattr(report, "examine_learner", examined)

    return set_


def test_the_exit_code_says_whether_a_check_fails(mine, quick):
    quick(Outcome("vmap", "passed"))
    ended = mine("check", "mine.py:right", "--set", "power=1.0", "--out", "report.json")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("mine.right: 0 of 1 checks fail, 1 pass, 0 do not apply\n")
    assert "checking mine.right" in ended.err
    found = json.loads(Path("report.json").read_text())
    assert (found["learner"], found["holds"], found["settings"]) == (
        "mine.right", True, {"power": 1.0},
    )  # fmt: skip
    quick(Outcome("vmap", "failed", "differs", "do this"))
    ended = mine("check", "mine.py:right", "--format", "json", "--quiet")
    assert (ended.code, ended.err) == (1, "")
    assert json.loads(ended.out)["checks"][0]["said"] == "differs"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("mine.py:write",), "did you mean `right`?"),
        (("other.py:right",), "names the file other.py, but there is none"),
        (("protonets",), "unknown learner `protonets`"),
        (("mine.py:right", "--set", "power=big"), "`power` of learner `mine.right` is 'big'"),
        (("mine.py:right", "--format", "yaml"), "must be one of: text, json"),
        (("mine.py:right", "--out", "report.txt"), "its name must end in .json"),
    ],
)
def test_a_wrong_call_is_one_sentence(mine, quick, options, said):
    quick(Outcome("vmap", "passed"))
    ended = mine("check", *options)
    assert ended.code == 2
    assert said in ended.err
    assert ended.out == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "failed", "done"),
    [
        ("wrong_shape", "contract", "Return from `predict` a row for each query"),
        ("by_place", "query_order", "not from its place among the queries"),
        ("remembers", "contract, ", "Keep no array in a list, a global or an attribute"),
        ("no_number", "contract", "Look for a division by zero"),
    ],
)
def test_a_broken_learner_is_told_what_to_do(mine, name, failed, done):
    ended = mine("check", f"mine.py:{name}", "--quiet")
    assert ended.code == 1, ended.err
    assert f"\nFAILED   {failed}" in ended.out
    assert done in ended.out
