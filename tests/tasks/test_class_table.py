"""From a dataset and a split to the class table."""

import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.tasks.class_table import (
    check_fits,
    class_count,
    class_table,
    find_split,
    numbered,
    row_names,
    turned,
)
from metabench.types import Dataset, EpisodeShape, Split, StreamShape

NAMES = ("a", "b", "c", "d")
COUNTS = (2, 4, 3, 5)
PARTS = {"train": ("d", "b"), "val": ("a",), "test": ("c",)}


@pytest.fixture
def dataset():
    """Image i is all i but for its upper left pixel, 100 + i."""
    images = np.repeat(np.arange(14, dtype=np.uint8), 9).reshape(14, 3, 3, 1)
    images[:, 0, 0, 0] += 100
    return Dataset(
        name="made up",
        images=images,
        labels=np.repeat(np.arange(4, dtype=np.int32), COUNTS),
        class_names=NAMES,
        splits={"plain": Split("plain", PARTS, 1, ""), "turned": Split("turned", PARTS, 4, "")},
        default_split="turned",
        digest="",
        source="",
    )


def images_of(table, row):
    """The images of a class, without padding."""
    return np.asarray(table.images[table.members[row, : table.counts[row]]])


def test_classes_stand_in_the_order_of_the_split_with_their_images(dataset):
    table = class_table(dataset, dataset.splits["plain"], "train")
    assert table.class_ids.tolist() == [3, 1]
    assert table.counts.tolist() == [5, 4]
    np.testing.assert_array_equal(images_of(table, 0), dataset.images[9:14])
    np.testing.assert_array_equal(images_of(table, 1), dataset.images[2:6])
    assert table.images.dtype == jnp.uint8
    assert table.images.shape[0] == 9  # no others on the device


def test_rotated_classes_have_ids_and_images_of_their_own(dataset):
    table = class_table(dataset, dataset.splits["turned"], "train")
    assert table.class_ids.tolist() == [12, 4, 13, 5, 14, 6, 15, 7]
    assert table.counts.tolist() == [5, 4] * 4
    for row in range(8):
        expected = np.rot90(
            dataset.images[9:14] if row % 2 == 0 else dataset.images[2:6], row // 2, (1, 2)
        )
        np.testing.assert_array_equal(images_of(table, row), expected)


def test_classes_of_a_part_are_numbered_from_zero(dataset):
    split = dataset.splits["turned"]
    table = class_table(dataset, split, "train")
    found = numbered(table)
    assert found.class_ids.tolist() == list(range(8))
    assert found._replace(class_ids=table.class_ids) == table  # the same arrays
    assert (class_count(split, "train"), class_count(split, "other")) == (8, 0)


def test_padding_points_at_images_of_the_class(dataset):
    table = class_table(dataset, dataset.splits["turned"], "train")
    assert table.members.shape == (8, 5)
    assert (
        table.members[:, 4]
        == jnp.where(table.counts == 5, table.members[:, 4], table.members[:, 0])
    ).all()


@pytest.mark.parametrize("split", ["plain", "turned"])
def test_ids_are_unique_over_the_parts(dataset, split):
    found = [class_table(dataset, dataset.splits[split], part).class_ids for part in PARTS]
    ids = np.concatenate(found)
    assert len(set(ids.tolist())) == len(ids) == 4 * dataset.splits[split].rotations


def test_a_quarter_turn_is_counter_clockwise():
    image = jnp.zeros((1, 2, 2, 1), jnp.uint8).at[0, 0, 0, 0].set(1)
    corners = [np.argwhere(np.asarray(picture[..., 0])).tolist() for picture in turned(image, 4)]
    assert corners == [[[0, 0]], [[1, 0]], [[1, 1]], [[0, 1]]]


def test_find_split(dataset):
    assert find_split(dataset, None).name == "turned"
    assert find_split(dataset, "plain").name == "plain"
    with pytest.raises(
        UserError, match=r"has no split `plan` \(did you mean `plain`\?\); it has: plain, turned"
    ):
        find_split(dataset, "plan")


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((1, 1, 1), "`way` is 1, but here has 2 classes: take 2 to 2"),
        ((3, 1, 1), "`way` is 3, but here has 2 classes: take 2 to 2"),
        ((0, 1, 1), "`way` is 0"),
        ((2, 0, 1), "`shot` is 0; it must be at least 1"),
        ((2, 1, 0), "`query` is 0; it must be at least 1"),
        ((2, 2, 3), r"`shot` \+ `query` is 2 \+ 3 = 5, .* only 4 examples: together at most 4"),
    ],
)
def test_shapes_that_do_not_fit(dataset, shape, sentence):
    table = class_table(dataset, dataset.splits["plain"], "train")
    check_fits(table, EpisodeShape(2, 2, 2), "here")
    with pytest.raises(UserError, match=sentence):
        check_fits(table, EpisodeShape(*shape), "here")


def test_a_class_that_is_too_small_is_named(dataset):
    parts = {"train": ("d", "b", "a"), "val": ("a",), "test": ("c",)}
    split = Split("turned", parts, 4, "")
    table = class_table(dataset, split, "train")
    names = row_names(table, dataset, split)
    assert names == ["d", "b", "a"] * 4
    found = {}
    for needed in (3, 5, 6):
        with pytest.raises(UserError) as caught:
            check_fits(table, EpisodeShape(2, needed - 1, 1), "here", names)
        found[needed] = str(caught.value).partition(", but ")[2]
    assert found == {
        3: "class `a` of here has only 2 examples, and 3 others have fewer than 3: together at "
        "most 2, or pass over smaller classes with `min-images` = 3",
        5: "class `a` of here has only 2 examples, and 7 others have fewer than 5: together at "
        "most 2, or pass over smaller classes with `min-images` = 5",
        6: "class `a` of here has only 2 examples, and 11 others have fewer than 6: together at "
        "most 2",
    }
    with pytest.raises(UserError, match="`presentations` is 3, but class `a` of here has only 2"):
        check_fits(table, StreamShape(2, 3), "here", names)


def test_detailed_images_come_from_larger_drawings_if_there_are_any(dataset):
    sizes = []

    def at(size):
        sizes.append(size)
        return dataset._replace(images=dataset.images.repeat(3, axis=1).repeat(3, axis=2))

    split = dataset.splits["turned"]
    plain, fine = (class_table(dataset._replace(at=at), split, "train", n) for n in (1, 3))
    assert sizes == [9]
    assert fine.images.shape == (36, 9, 9, 1)
    np.testing.assert_array_equal(fine.members, plain.members)
    for images in (fine.images, class_table(dataset, split, "train", 3).images):
        apart = images[:, 1::3, 1::3].astype(int) - plain.images.astype(int)
        assert np.abs(apart).max() < 25  # the corner of 100 + i is spread a little
