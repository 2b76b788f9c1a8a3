"""Learners that no package registers: in a file, in a module, at hand."""

import functools
import hashlib
import sys

import pytest

from metabench import registry
from metabench.contracts.learner import EpisodeLearner
from metabench.errors import UserError
from metabench.types import EpisodeShape, StreamShape
from metabench.unpackaged import of_function, of_reference

SHAPE = EpisodeShape(5, 1, 2)
TEXT = """
from typing import Literal
import jax
import jax.numpy as jnp
from metabench import EpisodeLearner, EpisodeShape
from neighbour import SCALE

def mine(shape: EpisodeShape, *, metric: Literal["dot", "cosine"] = "dot", scale: float = SCALE):
    def predict(task, x):
        return scale * jnp.zeros((len(x), shape.way))
    return EpisodeLearner(lambda key: (), lambda state, x, y, key: y, predict)

def odd(shape):
    return 3

NUMBER = 4
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "neighbour.py").write_text("SCALE = 2.0\n")
    path = tmp_path / "my_learners.py"
    path.write_text(TEXT)
    yield path
    sys.modules.pop("neighbour", None)


def here(shape: EpisodeShape, *, width: int = 3):
    return EpisodeLearner(lambda key: (), lambda s, x, y, key: y, lambda task, x: x)


def test_a_function_of_a_file(file):
    entry = registry.learner(f"{file}:mine")
    assert entry.name == "my_learners.mine"
    assert entry.version == "my_learners.py, unpackaged"
    assert entry.digest == hashlib.sha256(TEXT.encode()).hexdigest()
    assert isinstance(registry.build_learner(entry, SHAPE, {"scale": 1.0}), EpisodeLearner)
    assert list(registry.options(entry)) == ["metric", "scale"]
    assert registry.takes(entry, EpisodeShape)
    assert not registry.takes(entry, StreamShape)
    with pytest.raises(UserError, match=r"`metric` of learner `my_learners.mine` is 'x'; it must"):
        registry.build_learner(entry, SHAPE, {"metric": "x"})


def test_a_changed_file_is_read_again(file):
    before = of_reference(f"{file}:mine")
    file.write_text(TEXT.replace("SCALE):", "0.5):"))
    after = of_reference(f"{file}:mine")
    assert after.digest != before.digest
    assert registry.options(after)["scale"].default == 0.5


def test_a_function_of_a_module():
    entry = registry.learner("tests.test_unpackaged:here")
    assert entry.name == "tests.test_unpackaged.here"
    assert registry.options(entry)["width"].default == 3


def test_a_function_at_hand():
    entry = registry.learner(here)
    assert entry.name == "test_unpackaged.here"
    assert entry.digest is not None
    assert registry.learner(entry) is entry


def test_a_function_typed_at_a_prompt():
    names = {}
    exec("def typed(shape): return shape", names)
    entry = of_function(names["typed"])
    assert (entry.name, entry.digest) == ("here.typed", None)


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("{folder}/none.py:mine", "names the file .*none.py, but there is none"),
        ("{file}:main", r"has no function `main` \(did you mean `mine`\?\); it has: mine, odd"),
        ("{file}:NUMBER", "has no function `NUMBER`"),
        ("{file}:", "must be a registered name, `path/to/file.py:function` or"),
        (":mine", "must be a registered name"),
        ("no_such_package.at_all:mine", "cannot be imported .ModuleNotFoundError"),
        ("{folder}/ends.py:mine", r"ends.py, which cannot be imported \(SystemExit: 0\)"),
        ("{file}", r"names the file .*my_learners.py; add the function in it, .*py:function`$"),
        ("{folder}/broken.py:mine", r"broken.py, which cannot be imported \(ZeroDivisionError: di"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(file, reference, sentence):
    (file.parent / "broken.py").write_text("1 / 0")
    (file.parent / "ends.py").write_text("raise SystemExit(0)")
    with pytest.raises(UserError, match=sentence) as caught:
        registry.learner(reference.format(file=file, folder=file.parent))
    assert "\n" not in str(caught.value)


def test_a_factory_that_returns_something_else_is_refused(file):
    with pytest.raises(UserError, match=r"`my_learners.odd` returns int for EpisodeShape; it must"):
        registry.build_learner(f"{file}:odd", SHAPE, {})


@pytest.mark.parametrize("odd", [functools.partial(here, width=4), lambda shape: shape, 3])
def test_what_has_no_name_is_refused(odd):
    with pytest.raises(UserError, match="must be a function with a name"):
        registry.learner(odd)
