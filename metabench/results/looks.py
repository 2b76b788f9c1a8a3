"""A look at a few episodes of a result: images, true and given answers, in a small JSON.

It lies beside its result, as `looks/<name of the result's file>`:

    {"kind": "looks", "schema_version": 1,
     "learner": "protonet", "protocol": "…-v2", "episode_digest": "…",
     "episodes": [{"episode": 0,
                   "classes": ["a", "b"],
                   "support": [{"image": "data:image/png;base64,…", "label": 0}, …],
                   "queries": [{"image": "data:image/png;base64,…", "label": 0, "answer": 1}, …],
                   "confusion": [[14, 1], [0, 15]]}]}

`confusion` counts all queries, true class by given answer. Of the images only as many are kept as
fit: the first ones of each class, whatever was answered, so that a look does not flatter.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metabench.errors import UserError
from metabench.files.canonical import canonical
from metabench.files.publish import write_text
from metabench.results.result import Result

FOLDER = "looks"
EPISODES = 2  # in one file, at most
BYTES = 30_000  # of the JSON of one episode, at most
SIDES = (40, 28, 20, 14, 8)  # of an image in pixels, at most; the first that fits
SHADES = 16  # of an image
IMAGE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")


class Shown(NamedTuple):
    """An image of an episode. `answer` is None in the support set."""

    image: str  # a data URI of a PNG
    label: int
    answer: int | None = None


class Look(NamedTuple):
    """One episode with the answers of a learner; labels and answers are places in `classes`."""

    episode: int
    classes: tuple[str, ...]
    support: tuple[Shown, ...]
    queries: tuple[Shown, ...]
    confusion: tuple[tuple[int, ...], ...]  # all queries: true class by given answer


def look(
    episode: int,
    support: tuple[np.ndarray, np.ndarray],
    queries: tuple[np.ndarray, np.ndarray],
    answers: np.ndarray,
    classes: Sequence[str] = (),
) -> Look:
    """What is kept of an episode: as many images of each class as fit into `BYTES`.

    Args:
      episode: its number in the protocol's stream.
      support: images uint8 [n, height, width, 1 or 3], and labels int [n], from 0.
      queries: the same of the queries.
      answers: the learner's, int [queries].
      classes: their names; numbers from 1 where there are none.

    Raises:
      UserError: not even one small image of each class fits.
    """
    labels = np.asarray(queries[1])
    way = len(classes) or int(max(support[1].max(), labels.max(), np.max(answers))) + 1
    names = tuple(classes) or tuple(str(number + 1) for number in range(way))
    confusion = np.zeros((way, way), int)
    np.add.at(confusion, (labels, np.asarray(answers)), 1)
    counts = tuple(tuple(map(int, row)) for row in confusion)
    for shown, examples, side in _sizes(_most(labels), _most(support[1])):
        found = Look(
            episode,
            names,
            tuple(_shown(*support, None, examples, side)),
            tuple(_shown(queries[0], labels, np.asarray(answers), shown, side)),
            counts,
        )
        if len(json.dumps(_plain(found))) <= BYTES:
            return found
    raise UserError(f"`classes` are {way}: a look has no room for one image of each of them")


def _most(labels: np.ndarray) -> int:
    """Images of the largest class."""
    return int(np.bincount(labels).max())


def _sizes(queries: int, examples: int) -> Iterator[tuple[int, int, int]]:
    """Queries and examples of each class, and the side of an image: the best to look at first."""
    counts = [(6, 5), (3, 3), (2, 1), (1, 1)]
    few = dict.fromkeys((min(one, queries), min(other, examples)) for one, other in counts)
    for side in SIDES:
        for one, other in few:
            yield one, other, side


def _shown(
    images: np.ndarray, labels: np.ndarray, answers: np.ndarray | None, each: int, side: int
) -> Iterator[Shown]:
    """The first `each` images of each class, class by class."""
    for label in np.unique(labels):
        for place in np.flatnonzero(labels == label)[:each]:
            answer = None if answers is None else int(answers[place])
            yield Shown(_uri(images[place], side), int(label), answer)


def _uri(image: np.ndarray, side: int) -> str:
    """A small PNG as a data URI: at most `side` pixels high and wide, with few colours."""
    from PIL import Image

    picture = Image.fromarray(np.squeeze(image).astype(np.uint8))
    picture.thumbnail((side, side))
    found = io.BytesIO()
    picture.quantize(SHADES).save(found, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(found.getvalue()).decode()}"


def _plain(one: Look) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "episode": one.episode,
        "classes": one.classes,
        "support": [{"image": shown.image, "label": shown.label} for shown in one.support],
        "queries": [shown._asdict() for shown in one.queries],
        "confusion": one.confusion,
    }


def to_json(result: Result, looks: Sequence[Look]) -> str:
    """The text of the file; `UserError` for more than `EPISODES`."""
    if len(looks) > EPISODES:
        raise UserError(f"`looks` are {len(looks)}; a file holds at most {EPISODES}")
    head = {
        "kind": "looks",
        "schema_version": 1,
        "learner": result.learner,
        "protocol": result.protocol.id,
        "episode_digest": result.episode_digest,
    }
    return canonical({**head, "episodes": [_plain(one) for one in looks]})


def place(result_file: Path) -> Path:
    """Where the looks of a result's file lie."""
    return result_file.parent / FOLDER / result_file.name


def write(result: Result, looks: Sequence[Look], result_file: Path) -> None:
    """Write them beside the file of `result`, completely or not at all."""
    write_text(place(result_file), to_json(result, looks))


def read(path: Path, result: Result) -> tuple[Look, ...]:
    """The looks in a file at `result`.

    Raises:
      UserError: it cannot be read, is of another result, or is larger or other than written here.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_checked(document, result))
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({type(error).__name__})") from error
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path} holds no looks at this result ({error})") from error


def _checked(document: Mapping[str, Any], result: Result) -> Iterator[Look]:
    """Each look; an error that is no sentence where something is wrong."""
    own = (result.learner, result.protocol.id, result.episode_digest)
    if tuple(document[name] for name in ("learner", "protocol", "episode_digest")) != own:
        raise ValueError("it is of another result")
    if document["kind"] != "looks" or document["schema_version"] != 1:
        raise ValueError("it is of another kind or version")
    if len(document["episodes"]) > EPISODES:
        raise ValueError(f"it has more than {EPISODES} episodes")
    for one in document["episodes"]:
        if len(json.dumps(one)) > BYTES:
            raise ValueError(f"an episode has more than {BYTES:,} bytes")
        classes = tuple(map(str, one["classes"]))
        if [len(row) for row in one["confusion"]] != [len(classes)] * len(classes):
            raise ValueError("`confusion` is not classes by classes")
        yield Look(
            int(one["episode"]),
            classes,
            tuple(_image(image, classes) for image in one["support"]),
            tuple(_image(image, classes) for image in one["queries"]),
            tuple(tuple(int(count) for count in row) for row in one["confusion"]),
        )


def _image(found: Mapping[str, Any], classes: Sequence[str]) -> Shown:
    numbers = [found["label"], found.get("answer", 0)]
    if not all(type(one) is int and 0 <= one < len(classes) for one in numbers):
        raise ValueError("a label or an answer is none of the classes")
    if not IMAGE.fullmatch(found["image"]):
        raise ValueError("an image is no PNG")
    return Shown(found["image"], found["label"], found.get("answer"))
