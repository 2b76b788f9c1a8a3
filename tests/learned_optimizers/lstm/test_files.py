"""Trained optimizers as files: the same updates afterwards, and what is refused."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learned_optimizers.lstm.coordinatewise import ALL, coordinatewise
from metabench.learned_optimizers.lstm.files import TrainedOptimizer, packed, read
from metabench.learned_optimizers.lstm.kinds import by_name
from tests.learned_optimizers.lstm.test_coordinatewise import some_weights

ABOUT = {"task": "quadratic", "plan": {"horizon": 30}}
PARAMS = {"conv": jnp.ones((2, 2)), "bias": jnp.arange(3.0)}


@pytest.mark.parametrize("kinds", [(ALL,), ("conv", "dense")])
def test_what_is_read_updates_as_what_was_written(tmp_path, kinds):
    weights = {kind: some_weights(seed=n, layers=n + 1) for n, kind in enumerate(kinds)}
    path = tmp_path / "one.npz"
    path.write_bytes(packed(TrainedOptimizer(weights, 0.3, 5.0, ABOUT)))
    found = read(path)
    assert (found.scale, found.p, found.task, found.horizon) == (0.3, 5.0, "quadratic", 30)
    mine = found.transformation()
    kind_of = {"kind_of": by_name} if len(kinds) == 2 else {}
    expected = coordinatewise(weights, 0.3, 5.0, **kind_of)
    updates, _ = mine.update(PARAMS, mine.init(PARAMS))
    others, _ = expected.update(PARAMS, expected.init(PARAMS))
    jax.tree.map(np.testing.assert_array_equal, updates, others)


def test_a_file_without_preprocessing_is_read(tmp_path):
    weights = {ALL: some_weights(p=None)}
    (tmp_path / "one.npz").write_bytes(packed(TrainedOptimizer(weights, 1.0, None, ABOUT)))
    found = read(tmp_path / "one.npz")
    assert (found.scale, found.p, found.reset_every) == (1.0, None, None)
    optimizer = found.transformation()
    updates, _ = optimizer.update(PARAMS, optimizer.init(PARAMS))
    expected = coordinatewise(weights, 1.0, None)
    others, _ = expected.update(PARAMS, expected.init(PARAMS))
    jax.tree.map(np.testing.assert_array_equal, updates, others)


def without_about():
    buffer = io.BytesIO()
    np.savez(buffer, output=np.zeros(3))
    return buffer.getvalue()


def with_objects(name):
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.array([{}], object)})
    return buffer.getvalue()


def array_alone():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], object), allow_pickle=True)
    return buffer.getvalue()


GOOD = packed(TrainedOptimizer({ALL: some_weights()}, 0.1, 10.0, ABOUT))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"root:x:0:0:root:/root:/bin/bash\n",
        with_objects("about"),
        with_objects("all/output"),
        array_alone(),
        GOOD[:-200],
        without_about(),
        packed(TrainedOptimizer({}, 0.1, 10.0, ABOUT)),
        packed(TrainedOptimizer({ALL: some_weights()}, 0.1, 10.0, {"task": "quadratic"})),
    ],
    ids=[
        "empty",
        "text",
        "passwd",
        "objects",
        "object weights",
        "array",
        "cut",
        "no about",
        "no weights",
        "no horizon",
    ],
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "one.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"one\.npz is not a trained optimizer") as caught:
        read(path)
    assert "pickle" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none.npz")
