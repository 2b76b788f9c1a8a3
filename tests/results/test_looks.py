"""Looks at episodes: images, true and given answers, from arrays to JSON and back."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest

from metabench.errors import UserError
from metabench.results import looks
from tests.made_up_result import made_up

RESULT = made_up("protonet")


def episode(way=5, shot=1, query=15, side=28, channels=1):
    """Random strokes: support, queries, and answers of which the first of each class is wrong."""
    generator = np.random.default_rng(0)

    def images(each):
        shape = (way * each, side, side, channels)
        ink = generator.random(shape) < 0.2
        return (255 * ink).astype(np.uint8), np.repeat(np.arange(way), each)

    support, queries = images(shot), images(query)
    answers = queries[1].copy()
    answers[::query] = (answers[::query] + 1) % way
    return support, queries, answers


def test_what_is_written_is_read_again(tmp_path):
    support, queries, answers = episode()
    found = [looks.look(number, support, queries, answers) for number in (0, 7)]
    file = tmp_path / "protonet-1.json"
    looks.write(RESULT, found, file)
    path = tmp_path / "looks" / "protonet-1.json"
    assert looks.place(file) == path
    assert list(looks.read(path, RESULT)) == found
    first = found[0]
    assert first.classes == ("1", "2", "3", "4", "5")
    assert [one.label for one in first.support] == [0, 1, 2, 3, 4]
    assert first.queries[0].label == 0
    assert first.queries[0].answer == 1  # the wrong one is shown as it comes
    assert first.confusion[0] == (14, 1, 0, 0, 0)  # of all queries
    assert first.confusion[4] == (1, 0, 0, 0, 14)


def test_an_image_is_that_of_the_episode():
    from PIL import Image

    support, queries, answers = episode(way=2, query=2)
    shown = looks.look(0, support, queries, answers).queries[2]
    content = base64.b64decode(shown.image.removeprefix("data:image/png;base64,"))
    pixels = np.array(Image.open(io.BytesIO(content)).convert("L"))
    np.testing.assert_array_equal(pixels, queries[0][2, ..., 0])


@pytest.mark.parametrize(
    ("way", "shot", "side", "channels"), [(5, 1, 28, 1), (20, 5, 28, 1), (5, 5, 84, 3)]
)
def test_an_episode_is_small_and_shows_every_class(way, shot, side, channels):
    support, queries, answers = episode(way, shot, 15, side, channels)
    found = looks.look(0, support, queries, answers)
    document = json.loads(looks.to_json(RESULT, [found]))
    assert len(json.dumps(document["episodes"][0])) <= looks.BYTES
    for part in (found.support, found.queries):
        assert {one.label for one in part} == set(range(way))


def test_too_much_is_refused():
    found = looks.look(0, *episode())
    with pytest.raises(UserError, match="`looks` are 3"):
        looks.to_json(RESULT, [found] * 3)
    with pytest.raises(UserError, match="no room for one image"):
        looks.look(0, *episode(way=300, query=1, side=8))


def changed(**changes):
    def change(document):
        document.update(changes)

    return change


def image(text):
    def change(document):
        document["episodes"][0]["queries"][0]["image"] = text

    return change


def answer(value):
    def change(document):
        document["episodes"][0]["queries"][0]["answer"] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed(learner="maml"), "another result"),
        (changed(episode_digest="0" * 64), "another result"),
        (changed(schema_version=9), "another kind or version"),
        (changed(episodes=3), "no looks"),
        (image("https://example.org/a.png"), "no PNG"),
        (image('data:image/png;base64,AA"onerror="x'), "no PNG"),
        (image("data:image/png;base64," + "A" * looks.BYTES), "more than 30,000 bytes"),
        (answer(5), "none of the classes"),
        (answer("1"), "none of the classes"),
        (lambda document: document["episodes"][0].update(confusion=[[1]]), "classes by classes"),
        (lambda document: document.pop("kind"), "no looks"),
    ],
)
def test_a_file_of_something_else_is_one_sentence(change, said, tmp_path):
    document = json.loads(looks.to_json(RESULT, [looks.look(0, *episode())]))
    change(document)
    path = tmp_path / "one.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match=said) as caught:
        looks.read(path, RESULT)
    assert str(path) in str(caught.value)
    path.write_text("[" * 100_000)
    with pytest.raises(UserError):
        looks.read(path, RESULT)
