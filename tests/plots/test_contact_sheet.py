"""Contact sheets: the right images in the right places, whatever their colours and number."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from metabench.errors import UserError
from metabench.plots import contact_sheet
from metabench.seeds import root_key
from metabench.tasks.class_table import class_table
from metabench.tasks.episodes import sample
from metabench.types import Dataset, EpisodeShape, Protocol, Split

SIZE, EACH = 50, 8  # a size that is shown as it is
PROTOCOL = Protocol("toy", "only", way=2, shot=1, query=1, episodes=2, image_size=SIZE)


def dataset(channels=3, rotations=1):
    """Nine classes; each image has one colour, which tells its class and number."""
    names = tuple(f"class {number}" for number in range(9))
    values = 10 + np.arange(9 * EACH, dtype=np.uint8) * 3
    images = np.broadcast_to(values[:, None, None, None], (9 * EACH, SIZE, SIZE, channels))
    parts = {"train": names[:2], "val": names[2:3], "test": names[3:]}
    return Dataset(
        name="toy",
        images=np.ascontiguousarray(images),
        labels=np.repeat(np.arange(9, dtype=np.int32), EACH),
        class_names=names,
        splits={"only": Split("only", parts, rotations, "d")},
        default_split="only",
        digest="0123456789abcdef",
        source="made up",
    )


def rows_of(picture):
    """The grey values of the thumbnails, row by row, read off the picture."""
    pixels = np.asarray(picture)
    grey = (pixels[:, :, 0] == pixels[:, :, 1]) & (pixels[:, :, 1] == pixels[:, :, 2])
    found, top = [], 0
    while top < len(pixels) - SIZE:
        row, left = [], contact_sheet.MARGIN + contact_sheet.LABELS
        while left < pixels.shape[1] - SIZE:
            patch = pixels[top + 3 : top + SIZE - 3, left + 3 : left + SIZE - 3, 0]
            inside = grey[top + 3 : top + SIZE - 3, left + 3 : left + SIZE - 3].all()
            whole = inside and patch.min() == patch.max() and patch.max() < 250
            edge = left == 0 or pixels[top + SIZE // 2, left - 1, 0] != patch[0, 0]
            if whole and edge:
                row.append(int(patch[0, 0]))
                left += SIZE
            else:
                left += 1
        if row:
            found.append(row)
            top += SIZE
        else:
            top += 1
    return found


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_of_classes_and_episode_is_on_the_sheet(channels):
    toy, shape = dataset(channels), EpisodeShape(4, 2, 3, (SIZE, SIZE, channels), shot_spread=1)
    protocol = replace(PROTOCOL, way=4, shot=2, query=3, shot_spread=1)
    picture = contact_sheet.draw(toy, protocol, 5)
    table = class_table(toy, toy.splits["only"], "test")
    episode = sample(root_key(0), 5, table, shape)
    expected = [toy.images[toy.labels == label, 0, 0, 0].tolist() for label in range(3, 9)]
    for label in range(4):
        support = episode.support_x[episode.support_y == label]
        query = episode.query_x[episode.query_y == label]
        expected.append(jnp.concatenate([support, query])[:, 0, 0, 0].tolist())
    assert rows_of(picture) == expected


def test_turned_classes_have_names_of_their_own():
    toy = dataset(rotations=4)
    names = contact_sheet._names(toy, toy.splits["only"])
    assert names[:5] == ["class 0", "class 0, 90°", "class 0, 180°", "class 0, 270°", "class 1"]
    table = class_table(toy, toy.splits["only"], "test")
    rows = contact_sheet._class_rows(table, names)
    assert len(rows) == contact_sheet.CLASSES
    assert rows[0].name == "class 3"
    assert rows[-1].name == "class 8, 270°"


@pytest.mark.parametrize(("size", "side"), [(28, 56), (84, 84), (105, 96), (1, 48), (96, 96)])
def test_thumbnails_are_legible(size, side):
    assert contact_sheet._side(size) == side


def test_long_names_are_shortened_in_the_middle():
    from PIL import ImageDraw

    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    text = "an_alphabet_of_a_very_long_name/character01"
    shown = contact_sheet._shortened(pen, text, 150)
    assert pen.textlength(shown, contact_sheet._font(14)) <= 150
    assert shown.startswith("an_alph")
    assert shown.endswith("ter01")
    assert contact_sheet._shortened(pen, "short", 150) == "short"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"part": "tset"}, r"`part` is 'tset'; split `only` of toy has classes in: train, val"),
        ({"split": "onyl"}, "did you mean `only`"),
        ({"way": 7}, "`way` is 7"),
        ({"shot": 5, "query": 5}, r"`shot` \+ `query` is 5 \+ 5"),
    ],
)
def test_mistakes(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        contact_sheet.draw(dataset(), replace(PROTOCOL, **changes), 0)


@pytest.mark.parametrize("index", [-1, 2**31])
def test_wrong_index(index):
    with pytest.raises(UserError, match=f"`index` is {index}"):
        contact_sheet.draw(dataset(), PROTOCOL, index)


def test_saving_where_nothing_can_be(tmp_path):
    picture = Image.new("RGB", (2, 2))
    contact_sheet.save(picture, tmp_path / "new" / "sheet.png")
    with Image.open(tmp_path / "new" / "sheet.png") as saved:
        assert (saved.size, saved.format) == ((2, 2), "PNG")
    with pytest.raises(UserError, match=r"`out` .* cannot be written \(it is a folder\)"):
        contact_sheet.save(picture, tmp_path)
