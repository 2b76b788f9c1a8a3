"""The procedural dataset: the same pixels everywhere, and a problem worth learning.

The golden digests were made by, and may be renewed (with a new `version`) by

    python -m tests.datasets.strokes.test_dataset
"""

import hashlib
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from metabench.contracts.dataset import Request
from metabench.datasets.strokes import dataset as strokes
from metabench.datasets.strokes.draw import Stroke, draw_character, rasterize

GOLDEN = {
    "default": "43636f48ce5b589c1e5902426be7feb4b35c4e3716d5bfefb658b12ff8a5c7c1",
    "small": "7dc063ff82294743bb1905196a65627d9476c2e0bf75d102e7b651ef62a149ba",
}


def digest(**options):
    """sha256 over class names and pixels, in order."""
    total = hashlib.sha256()
    for name, image in strokes.examples(**options):
        total.update(name.encode())
        total.update(image.tobytes())
    return total.hexdigest()


def small_digest():
    return digest(size=35, alphabets=3, characters=4, drawings=5, seed=7)


@pytest.fixture(scope="module")
def images():
    """All images by class: uint8 [classes, drawings, 28, 28]."""
    pixels = np.stack([image[..., 0] for _, image in strokes.examples()])
    return pixels.reshape(-1, strokes.DRAWINGS, 28, 28)


def test_pixels_are_the_golden_ones():
    assert small_digest() == GOLDEN["small"]
    assert digest() == GOLDEN["default"]


def test_another_seed_draws_another_world():
    assert digest(alphabets=1, seed=1) != digest(alphabets=1, seed=2)


@pytest.mark.parametrize("more", [{"alphabets": 3}, {"characters": 40}, {"drawings": 9}])
def test_asking_for_more_leaves_the_earlier_ones_as_they_were(more):
    few = {"alphabets": 2, "characters": 3, "drawings": 2}

    def by_class(options):
        groups = groupby(strokes.examples(**options), key=lambda pair: pair[0])
        return {name: np.stack([image for _, image in group]) for name, group in groups}

    small, large = by_class(few), by_class(few | more)
    assert len(small) == 6
    assert sum(map(len, large.values())) > sum(map(len, small.values()))
    for name, expected in small.items():
        np.testing.assert_array_equal(large[name][:2], expected)


@pytest.mark.parametrize("size", [14, 28, 105])
def test_thin_ink_on_paper_at_any_size(size):
    pixels = np.stack(
        [image for _, image in strokes.examples(size, alphabets=3, characters=5, drawings=3)]
    )
    assert pixels.shape == (45, size, size, 1)
    assert pixels.dtype == np.uint8
    assert (pixels.max(axis=(1, 2, 3)) >= (150 if size < 28 else 200)).all()
    assert (pixels.min(axis=(1, 2, 3)) == 0).all()
    assert 0.04 < pixels.mean() / 255 < 0.16


def test_another_size_is_the_same_drawing():
    options = {"alphabets": 1, "characters": 4, "drawings": 2}
    fine = np.stack([image[..., 0] for _, image in strokes.examples(112, **options)])
    coarse = np.stack([image[..., 0] for _, image in strokes.examples(28, **options)])
    shrunk = fine.reshape(-1, 28, 4, 28, 4).mean(axis=(2, 4))
    for a, b in zip(shrunk, coarse, strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.95


def test_a_hundred_characters_of_an_alphabet_differ():
    made = [
        image.tobytes() for _, image in strokes.examples(alphabets=1, characters=100, drawings=1)
    ]
    assert len(set(made)) == 100


def test_every_drawing_differs_and_stays_on_the_paper(images):
    assert len({image.tobytes() for image in images.reshape(-1, 28, 28)}) == 20 * 16 * 20
    border = np.concatenate([images[..., 0, :], images[..., -1, :]], axis=-1)
    assert (border > 0).any(axis=-1).mean() < 0.1


def test_drawings_of_a_class_are_closer_than_those_of_two_classes(images):
    x = images.reshape(len(images), strokes.DRAWINGS, -1).astype(np.float64)
    x = x / np.linalg.norm(x, axis=2, keepdims=True)
    within = np.einsum("cip,cjp->cij", x, x)
    within = (within.sum(axis=(1, 2)) - strokes.DRAWINGS) / strokes.DRAWINGS
    within = within.mean() / (strokes.DRAWINGS - 1)
    middle = x.mean(axis=1)
    between = middle @ middle.T
    between = between[~np.eye(len(x), dtype=bool)].mean()
    assert within > 1.5 * between


def test_no_two_classes_are_one_character_twice(images):
    # Means of half the drawings, over all 320 classes: a hard case of recognising by pixels.
    x = images.reshape(len(images), strokes.DRAWINGS, -1).astype(np.float64)
    x = x / np.linalg.norm(x, axis=2, keepdims=True)
    halves = [x[:, ::2].mean(axis=1), x[:, 1::2].mean(axis=1)]
    first, second = (half / np.linalg.norm(half, axis=1, keepdims=True) for half in halves)
    likeness = first @ second.T
    assert (likeness.argmax(axis=1) == np.arange(len(x))).mean() > 0.65
    np.fill_diagonal(likeness, 0)
    assert likeness.max() < 0.94


@pytest.mark.parametrize(("shot", "low", "high"), [(1, 0.45, 0.6), (5, 0.7, 0.87)])
def test_pixels_alone_are_above_chance_and_leave_room_to_learn(images, shot, low, high):
    test = images[-strokes.PARTS["test"] * strokes.CHARACTERS :]
    assert low < nearest_neighbour_accuracy(test, shot, episodes=400) < high


def nearest_neighbour_accuracy(images, shot, episodes):
    """5-way accuracy of the cosine nearest neighbour; 5 queries of each class."""
    rng = np.random.default_rng(0)
    x = images.reshape(*images.shape[:2], -1).astype(np.float32)
    x = x / np.linalg.norm(x, axis=2, keepdims=True)
    right = 0.0
    for _ in range(episodes):
        classes = rng.choice(len(x), 5, replace=False)
        chosen = np.stack([rng.permutation(x.shape[1])[: shot + 5] for _ in classes])
        episode = x[classes[:, None], chosen]
        support, query = episode[:, :shot].reshape(5 * shot, -1), episode[:, shot:].reshape(25, -1)
        guess = (query @ support.T).argmax(axis=1) // shot
        right += float((guess == np.repeat(np.arange(5), 5)).mean())
    return right / episodes


def test_the_declaration_agrees_with_what_is_drawn(tmp_path):
    spec = strokes.DATASET
    made = spec.examples(Request(archives={}, size=14, scratch=tmp_path))
    pairs = list(made.stream)
    assert len(pairs) == made.count == 6400
    assert pairs[0][1].shape == (14, 14, 1)
    names = [name for name, _ in groupby(pairs, key=lambda pair: pair[0])]
    assert names == sorted(set(names))
    split = spec.splits[spec.default_split]()
    assert split.name == spec.default_split
    assert [name for part in split.parts.values() for name in part] == names
    assert {part: len(of) for part, of in split.parts.items()} == {
        "train": 192,
        "val": 64,
        "test": 64,
    }
    alphabets = [{name.split("/")[0] for name in of} for of in split.parts.values()]
    assert not set.intersection(*alphabets)
    assert not list(Path(tmp_path).iterdir())


def test_the_pen_inks_what_lies_within_its_radius():
    start, end = np.array([[[4.0, 8.5]]]), np.array([[[12.0, 8.5]]])
    image = rasterize(start, end, np.array([1.0]), 16)[0]
    assert image[8, 8] == 255  # on the line
    assert image[7, 8] == image[9, 8] == 128  # a pixel away: half of it is ink
    assert image[6, 8] == image[10, 8] == 0
    assert image[8, 1] == image[8, 14] == 0  # beyond the ends


def test_strokes_hang_together_in_every_drawing():
    down = np.array([[0.0, -0.3], [0.0, 0.0], [0.0, 0.3]])
    across = np.array([[-0.2, 0.0], [0.0, 0.0], [0.2, 0.0]])
    cross = (Stroke(down, 0.0), Stroke(across, 0.0, parent=0, parent_knot=1, own_knot=1))
    drawn = draw_character(cross, 10, seed=0, alphabet=0, character=0)
    ink = drawn[..., 0] > 127
    assert (ink.any(axis=2).sum(axis=1) >= 8).all()  # rows that the upright covers
    assert (ink.any(axis=1).sum(axis=1) >= 6).all()  # columns that the bar covers
    assert (ink.sum(axis=(1, 2)) < 120).all()


if __name__ == "__main__":
    print({"default": digest(), "small": small_digest()})
