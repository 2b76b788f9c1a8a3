"""The table of a protocol: drawn, within an alphabet, given."""

from dataclasses import replace

import numpy as np
import pytest

from metabench.errors import UserError
from metabench.seeds import root_key
from metabench.tasks.episodes import sample_batch
from metabench.tasks.protocol_table import DRAWN, protocol_table, shape_of, usual_counts
from metabench.types import Dataset, Protocol, Split

SIZES = {"Ada": 3, "Bel": 2, "Cid": 4}
NAMES = tuple(f"{alphabet}/{i}" for alphabet, size in SIZES.items() for i in range(size))
PROTOCOL = Protocol("made-up", "plain", way=3, shot=1, query=2, episodes=4, image_size=2)
WITHIN = replace(PROTOCOL, within_alphabet=True)


def dataset(names=NAMES, **changes):
    count = len(names)
    parts = {"train": (), "val": names[:3], "test": names}
    splits = {name: Split(name, parts, turns, "") for name, turns in (("plain", 1), ("turned", 4))}
    images = np.arange(3 * count, dtype=np.uint8)[:, None, None, None] * np.ones(
        (2, 2, 1), np.uint8
    )
    labels = np.repeat(np.arange(count, dtype=np.int32), 3)
    made = Dataset("made-up", images, labels, names, splits, "plain", "", "")
    return made._replace(**changes)


def classes_met(table, protocol):
    """Names and turns of the classes of 200 episodes."""
    episodes = sample_batch(root_key(0), np.arange(200), table, shape_of(protocol, dataset()))
    return np.asarray(episodes.class_ids)


def test_drawn_from_all_classes():
    table = protocol_table(dataset(), PROTOCOL)
    assert table.pools is None
    assert table.fixed is None
    assert set(classes_met(table, PROTOCOL).ravel().tolist()) == set(range(9))


@pytest.mark.parametrize("split", ["plain", "turned"])
def test_within_one_alphabet_in_one_orientation(split):
    protocol = replace(WITHIN, split=split)
    found = classes_met(protocol_table(dataset(), protocol), protocol)
    number, turn = np.divmod(found, 4 if split == "turned" else 1)
    alphabet = np.array([NAMES[i].split("/")[0] for i in number.ravel()]).reshape(number.shape)
    assert (alphabet == alphabet[:, :1]).all()
    assert (turn == turn[:, :1]).all()
    assert set(alphabet.ravel()) == {"Ada", "Cid"}  # Bel has too few characters


@pytest.mark.parametrize(
    ("data", "protocol", "sentence"),
    [
        (dataset(), replace(WITHIN, way=5), r"`way` is 5, .* take 2 to 4"),
        (dataset(tuple("abcd")), WITHIN, r"dataset `made-up` has no alphabets"),
        (dataset(), replace(PROTOCOL, part="train"), r"has no train classes; it has: val, test"),
        (dataset(), replace(PROTOCOL, way=10), r"`way` is 10, .* take 2 to 9"),
    ],
)
def test_what_cannot_be_had_is_told(data, protocol, sentence):
    with pytest.raises(UserError, match=sentence):
        protocol_table(data, protocol)


def trials():
    return dataset(tuple(f"run{r}/{c}" for r in range(2) for c in "abc"), fixed_episodes=True)


def test_given_episodes_bring_their_counts():
    split = trials().splits["plain"]
    assert usual_counts(trials(), split) == {"way": 3, "shot": 1, "query": 2, "episodes": 2}
    assert usual_counts(dataset(), split) == DRAWN
    table = protocol_table(trials(), replace(PROTOCOL, episodes=2))
    assert table.fixed.classes.shape == (2, 3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"query_spread": 1}, "are given, so no numbers of images can be drawn"),
        ({"way": 2}, r"`way`, `shot` and `query` are 2, 1 and 2, .* given, with 3, 1 and 2"),
        ({"episodes": 3}, r"`episodes` is 3, but dataset `made-up` gives 2"),
        ({"within_alphabet": True}, r"stay within an alphabet already"),
    ],
)
def test_given_episodes_are_as_they_are(change, sentence):
    with pytest.raises(UserError, match=sentence):
        protocol_table(trials(), replace(PROTOCOL, **{"episodes": 2, **change}))
