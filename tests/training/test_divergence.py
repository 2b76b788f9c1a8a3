"""A training loss is held against that of guessing, where it can be."""

import math

import pytest

from metabench.training.divergence import FAR, guessing_loss, high_loss
from metabench.training.loop import Point, Trained
from metabench.types import EpisodeShape, FunctionShape, ImagesShape, StreamShape

SHAPE = EpisodeShape(5, 1, 15)


def trained(*losses, accuracy=0.2):
    """After validations at steps 10, 20, …"""
    history = [Point(10 * n, one, accuracy, 0.2, 1.0) for n, one in enumerate(losses, start=1)]
    return Trained("state", "state", history=history)


def test_the_loss_of_guessing():
    assert guessing_loss(SHAPE) == guessing_loss(StreamShape(5, 10)) == pytest.approx(math.log(5))
    assert guessing_loss(ImagesShape(64)) is None
    assert guessing_loss(FunctionShape()) is None


def test_only_a_loss_far_above_it_before_the_tested_step():
    far = 1.01 * FAR * math.log(5)
    assert high_loss(trained(0.98 * far, far), 10, SHAPE) is None
    assert high_loss(trained(0.98 * far, far), 20, SHAPE) == far
    assert high_loss(trained(far), 10, EpisodeShape(20, 1, 15)) is None
    assert high_loss(trained(far), 10, ImagesShape(64)) is None
    assert high_loss(trained(far, accuracy=math.nan), 10, SHAPE) is None  # a likelihood, say
    assert high_loss(Trained("state", "state"), 0, SHAPE) is None


@pytest.mark.parametrize(("shape", "accuracy"), [(SHAPE, math.nan), (ImagesShape(64), 0.2)])
def test_of_a_loss_of_another_kind_only_a_huge_one_is_told(shape, accuracy):
    assert high_loss(trained(2e4, accuracy=accuracy), 10, shape) is None
    assert high_loss(trained(1e9, accuracy=accuracy), 10, shape) == 1e9
