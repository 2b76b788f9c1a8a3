"""What was asked for, written so that it can be asked for again."""

import shlex

from metabench.tasks.protocol_table import protocol_of
from metabench.tracks.fewshot.request import Asked, Request, as_command, asked_again


def test_unequal_numbers_of_images_are_asked_for_again(dataset):
    counts = {"way": 3, "shot": "1-3", "query": 2, "episodes": 4}
    protocol = protocol_of(dataset, dataset.splits["only"], counts)
    assert protocol.id == "made-up-only-3way-1to3shot-2query-4episodes-4px-v2"
    again = Asked(**asked_again(protocol))
    assert (again.shot, again.query) == ("1-3", 2)
    asked = {name: getattr(again, name) for name in counts}
    assert protocol_of(dataset, dataset.splits["only"], asked) == protocol
    words = shlex.split(as_command(Request("pixel_nn", again)))
    assert words[words.index("--shot") + 1] == "1-3"
