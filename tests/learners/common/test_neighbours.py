"""How many neighbours may vote."""

import pytest

from metabench.errors import UserError
from metabench.learners.common.neighbours import check_neighbours
from metabench.types import EpisodeShape, StreamShape


def test_a_number_of_voters_that_is_never_met_is_refused():
    stream = StreamShape(way=5, presentations=10)
    check_neighbours(49, stream)
    with pytest.raises(UserError, match=r"`neighbours` is 1000, .* 50 images .* take 1 to 49"):
        check_neighbours(1000, stream)


def test_in_episodes_nobody_votes():
    check_neighbours(1, EpisodeShape(5, 5, 15))
    with pytest.raises(UserError, match="`neighbours` is 5, but only in the online protocol"):
        check_neighbours(5, EpisodeShape(5, 5, 15))
