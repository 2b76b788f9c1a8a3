"""Papers' tables of the online protocol stand beside the same protocol alone."""

from dataclasses import replace

from metabench.results.published_online import online_differences, published_online
from tests.made_up_result import made_up_online

PROTOCOL = made_up_online("mann", (1, 4), (1, 5)).protocol


def test_rows_are_those_of_way_and_labels():
    found = {row.learner: row.accuracy["2"] for row in published_online(PROTOCOL)}
    assert found["mann"] == 82.8
    assert published_online(replace(PROTOCOL, way=4)) == []
    assert published_online(replace(PROTOCOL, dataset="strokes")) == []


def test_other_images_and_classes_are_named():
    assert online_differences(PROTOCOL) == []
    assert online_differences(replace(PROTOCOL, image_size=28)) == ["20 × 20 pixels, here 28 × 28"]
    (found,) = online_differences(replace(PROTOCOL, within_alphabet=True))
    assert found == "classes of a stream of any alphabet, here of one"
    (found,) = online_differences(replace(PROTOCOL, trained_on="omniglot/lake"))
    assert found.endswith("here on omniglot/lake")
