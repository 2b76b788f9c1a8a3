import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.training.states import packed, read, unpacked

STATE = {"params": (jnp.arange(3.0), jnp.ones((2, 2))), "steps": jnp.int32(4)}


def test_a_state_survives_its_file_in_the_same_form():
    again = unpacked(packed(STATE), STATE)
    assert isinstance(again["params"], tuple)
    np.testing.assert_array_equal(again["params"][0], STATE["params"][0])
    assert again["steps"].dtype == jnp.int32


def test_a_state_that_is_one_array_has_a_file_too():
    np.testing.assert_array_equal(unpacked(packed(jnp.arange(2)), jnp.zeros(2, int)), [0, 1])


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"x\.npz cannot be read"):
        read(tmp_path / "x.npz", STATE)
