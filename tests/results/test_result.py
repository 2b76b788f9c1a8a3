"""What a result tells in Python: accuracies by episode, and a table for pandas."""

import sys

import numpy as np
import pytest

from metabench.errors import UserError
from tests.made_up_result import made_up

TWO_SEEDS = made_up("maml", (10, 10, 8, 8), (8, 8, 6, 6))


def test_accuracies_stand_by_seed_and_episode():
    expected = [[1.0, 1.0, 0.8, 0.8], [0.8, 0.8, 0.6, 0.6]]
    np.testing.assert_allclose(TWO_SEEDS.per_episode(), expected)
    assert TWO_SEEDS.accuracy == pytest.approx(0.8)


def test_a_frame_has_a_row_for_each_seed_and_episode():
    frame = TWO_SEEDS.to_frame()
    assert list(frame.columns) == ["learner", "protocol", "seed", "episode", "accuracy"]
    assert len(frame) == 8
    row = frame[(frame.seed == 1) & (frame.episode == 2)].iloc[0]
    assert (row.learner, row.protocol) == ("maml", TWO_SEEDS.protocol.id)
    assert row.accuracy == pytest.approx(0.6)


def test_without_pandas_the_sentence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match=r"needs pandas.*`pip install 'metabench\[pandas\]'`"):
        TWO_SEEDS.to_frame()
