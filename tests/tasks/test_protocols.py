"""Frozen protocols: their names, and that they still measure what they were frozen on."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from metabench import data, registry
from metabench.tasks import protocols
from metabench.tasks.kinds import task_digest
from metabench.tasks.protocol_table import protocol_table, shape_of
from metabench.types import Protocol

FROZEN = {protocol.id: protocol for protocol in registry.protocols()}


def of_dataset(name):
    """Ids with golden digests on the dataset `name`."""
    return sorted(i for i in protocols.DIGESTS if i in FROZEN and FROZEN[i].dataset == name)


def found_digests(protocol, dataset):
    table, shape = protocol_table(dataset, protocol), shape_of(protocol, dataset)
    return dataset.digest, task_digest(protocol.seed, table, shape, protocol.episodes)


def test_ids_are_unique_and_as_documented():
    ids = [protocol.id for protocol in registry.protocols()]
    shapes = ("5way-1shot", "5way-5shot", "20way-1shot", "20way-5shot")
    groups = ("omniglot-vinyals", "omniglot-lake", "omniglot-random", "strokes-alphabets")
    usual = {f"{group}-{shape}-v2" for group in groups for shape in shapes}
    assert usual <= set(ids)
    assert len(set(ids)) == len(ids)


def test_every_departure_from_the_usual_is_in_the_id():
    usual = Protocol("omniglot", "vinyals", 5, 1, query=15, episodes=1000, image_size=28)
    assert usual.id == "omniglot-vinyals-5way-1shot-v2"
    changes = {
        "dataset": "strokes",
        "split": "lake",
        "way": 20,
        "shot": 5,
        "query": 10,
        "episodes": 600,
        "image_size": 32,
        "part": "val",
        "seed": 3,
        "within_alphabet": True,
        "trained_on": "omniglot/random",
        "version": 3,
    }
    departed = replace(usual, **changes)
    assert departed.id == (
        "strokes-lake-20way-5shot-10query-600episodes-32px-3seed-val-within-"
        "after-omniglot-random-v3"
    )
    one_each = {replace(usual, **{name: value}).id for name, value in changes.items()}
    assert len(one_each | {usual.id}) == len(changes) + 1


def test_unequal_numbers_are_in_the_id():
    usual = Protocol("omniglot", "vinyals", 5, 3, query=15, episodes=1000, image_size=28)
    assert replace(usual, shot_spread=2).id == "omniglot-vinyals-5way-1to5shot-v2"
    assert replace(usual, query_spread=5).id == "omniglot-vinyals-5way-3shot-10to20query-v2"
    both = replace(usual, shot_spread=2, query=10, query_spread=5, episodes=600)
    assert both.id == "omniglot-vinyals-5way-1to5shot-5to15query-600episodes-v2"


def test_registered_protocols_name_splits_that_their_datasets_have():
    for protocol in registry.protocols():
        spec = registry.dataset(protocol.dataset)
        assert protocol.split in spec.splits
        assert protocol.seed == 0
        if protocol.trained_on is not None:
            source, split = protocol.trained_on.split("/")
            assert split in registry.dataset(source).splits
        elif protocol.labels is None:
            assert protocol.image_size == spec.image[0]
        else:
            assert protocol.image_size == 20  # as in the paper


def test_registered_protocols_are_frozen():
    assert set(protocols.DIGESTS) == set(FROZEN)


def test_frozen_fills_in_the_digests_by_id(monkeypatch):
    usual = Protocol("strokes", "alphabets", 5, 1, query=15, episodes=1000, image_size=28)
    monkeypatch.setattr(protocols, "DIGESTS", {usual.id: ("a" * 64, "b" * 64)})
    assert protocols.frozen(usual) == replace(
        usual, dataset_digest="a" * 64, episode_digest="b" * 64
    )
    other = replace(usual, query=10)
    assert protocols.frozen(other) is other


def test_digests_belong_to_registered_protocols():
    assert set(protocols.DIGESTS) <= set(FROZEN)
    for digests in protocols.DIGESTS.values():
        assert [len(bytes.fromhex(digest)) for digest in digests] == [32, 32]


@pytest.mark.parametrize("name", of_dataset("strokes"))
def test_strokes_protocols_measure_what_they_were_frozen_on(name):
    dataset = data.load_or_prepare("strokes", progress=False)
    assert found_digests(FROZEN[name], dataset) == protocols.DIGESTS[name]


@pytest.mark.realdata
@pytest.mark.parametrize("name", sorted(set(protocols.DIGESTS) - set(of_dataset("strokes"))))
def test_protocols_on_real_data_measure_what_they_were_frozen_on(name):
    archives, protocol = os.environ["METABENCH_ARCHIVES"], FROZEN[name]
    dataset = data.load_or_prepare(
        protocol.dataset, protocol.image_size, archives=archives, progress=False
    )
    assert found_digests(protocol, dataset) == protocols.DIGESTS[name]
