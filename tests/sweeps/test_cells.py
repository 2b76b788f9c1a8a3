"""Cells of a grid: which there are, and what is refused before anything runs."""

import pytest

from metabench.errors import UserError
from tests.sweeps.conftest import TOY


def test_every_combination_is_a_cell(cells):
    found = cells(
        learners=[TOY, "pixel_nn"],
        protocols={"dataset": "strokes", "way": [2, 3], "episodes": 4, "image_size": 16},
        settings={TOY: {"width": [4, 8]}},
    )
    assert [(one.learner, one.protocol.way, len(one.runs)) for one in found] == [
        ("toy.toy", 2, 2),
        ("toy.toy", 2, 2),
        ("pixel_nn", 2, 1),  # its answers depend on no seed
        ("toy.toy", 3, 2),
        ("toy.toy", 3, 2),
        ("pixel_nn", 3, 1),
    ]
    paths = [run.path for one in found for run in one.runs]
    assert len({*paths, *(one.path for one in found)}) == len(paths) + len(found)
    assert [one.chosen["width"] for one in found[:2]] == [4, 8]
    assert found[2].steps == 0  # lengths are for those that train


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"learners": [TOY, "protnet"]}, "unknown learner `protnet`"),
        ({"settings": {TOY: {"widht": 4}}}, "has no option `widht` (did you mean `width`?)"),
        ({"settings": {TOY: {"width": [4, "wide"]}}}, "`width` of learner `toy.toy` is"),
        ({"protocols": {"dataset": "strokes", "way": [5, 5000]}}, "5000"),
        ({"protocols": {"dataset": "strokes", "way": "five"}}, "`way` is 'five'"),
        ({"protocols": {"dataset": "strikes"}}, "unknown dataset `strikes`"),
        ({"train": {"steps": 0}}, "`steps` is 0"),
        ({"recipes": {TOY: "quickly"}}, "`recipe` is 'quickly'"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(cells, tmp_path, other, sentence):
    with pytest.raises(UserError) as caught:
        cells(**other)
    assert sentence in str(caught.value)
    assert not (tmp_path / "runs").exists()
