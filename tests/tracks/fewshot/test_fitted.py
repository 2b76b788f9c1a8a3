"""Data as a protocol asks for it: boards of other classes never mix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metabench.errors import UserError
from metabench.results import document as results
from metabench.results.ranking import comparable
from metabench.tracks.fewshot.fitted import check_colours
from tests.tracks.fewshot.made_up import PROTOCOL, run


@pytest.fixture
def uneven(dataset):
    """Class `a` and class `i` have two images, the others five."""
    kept = np.ones(60, bool)
    kept[[2, 3, 4, 42, 43, 44]] = False
    return dataset._replace(images=dataset.images[kept], labels=dataset.labels[kept])


def test_small_classes_are_named_and_passed_over_where_that_is_asked_for(plan, uneven):
    with pytest.raises(UserError, match=r"but class `i` of the test part .* `min-images` = 3"):
        plan("untrained", dataset=uneven)
    with pytest.raises(UserError, match=r"class `a` of the train part of made-up/only has only 2"):
        plan(dataset=uneven)
    made = plan(protocol=replace(PROTOCOL, min_images=3), dataset=uneven)
    assert {part: len(table.counts) for part, table in made.tables.items()} == {
        "train": 3,
        "val": 4,
        "test": 3,
    }
    result = run(made)
    assert result.protocol.id == "made-up-only-3way-1shot-2query-10episodes-4px-min3images-v2"
    assert results.from_json(results.to_json(result)) == result
    assert result.split_digest != "5" * 64
    assert comparable(result).split == result.split_digest


def test_a_training_on_other_classes_is_not_tested(plan, uneven):
    protocol = replace(PROTOCOL, min_images=3)
    for theirs, remedy in (
        (PROTOCOL.id, "leave `min-images` out"),
        (replace(PROTOCOL, min_images=2).id, "give `min-images` 2"),
    ):
        with pytest.raises(UserError, match=remedy):
            plan(protocol=protocol, dataset=uneven, tested_training=theirs)
    plan(protocol=protocol, dataset=uneven, tested_training=protocol.id)


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        (replace(PROTOCOL, split="other").id, "made-up-other"),
        (replace(PROTOCOL, dataset="another").id, "another-only"),
        (replace(PROTOCOL, dataset="mnist", trained_on="made-up/other").id, "made-up-other"),
    ],
)
def test_a_training_on_another_split_is_not_tested(plan, theirs, found):
    with pytest.raises(UserError, match=f"was trained on {found}, .* training on made-up-only"):
        plan(tested_training=theirs)


def test_a_training_that_was_tested_elsewhere_serves_its_own_dataset(plan):
    plan(tested_training=replace(PROTOCOL, dataset="mnist", trained_on="made-up/only").id)


def coloured(dataset):
    return dataset._replace(
        name="coloured", images=np.repeat(dataset.images, 3, -1) // np.uint8([1, 2, 3])
    )


def test_a_network_trained_in_rgb_sees_grey_images_in_three_channels(plan, dataset):
    protocol = replace(PROTOCOL, trained_on="coloured/only")
    made = plan(protocol=protocol, training_data=coloured(dataset))
    assert made.shape.image == (4, 4, 3)
    images = np.asarray(made.tables["test"].images)
    assert images.shape == (20, 4, 4, 3)
    assert (images == dataset.images[40:]).all()


def test_colours_become_grey_where_that_is_asked_for(plan, dataset):
    protocol = replace(PROTOCOL, dataset="coloured", trained_on="made-up/only")
    given = {"dataset": coloured(dataset), "training_data": dataset}
    with pytest.raises(UserError, match=r"`made-up`.* .1 channel.*3 channels\): turn .* `grey`"):
        plan(protocol=protocol, **given)
    made = plan(protocol=replace(protocol, grey=True), **given)
    assert made.tables["test"].images.shape == (20, 4, 4, 1)
    result = run(made)
    assert "-grey-after-made-up-only-v2" in result.protocol.id
    assert results.from_json(results.to_json(result)) == result
    made = plan(protocol=replace(PROTOCOL, grey=True), dataset=coloured(dataset))
    assert made.tables["train"].images.shape[3] == made.shape.image[2] == 1


def test_grey_that_changes_nothing_is_refused(dataset):
    with pytest.raises(UserError, match="`grey` changes nothing: made-up has grey images"):
        check_colours(True, dataset, dataset)
    check_colours(True, dataset, coloured(dataset))
    check_colours(False, dataset, dataset)
