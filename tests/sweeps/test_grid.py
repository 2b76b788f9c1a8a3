"""Grid files: what they mean, and what they may not hold."""

import re
import tomllib

import pytest

from metabench.errors import UserError
from metabench.sweeps.grid import grid_of, read
from tests.places import ROOT
from tests.sweeps.conftest import TINY as USUAL

TINY = {**USUAL, "learners": ["protonet"], "settings": {}}


def test_a_file_is_read(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        'learners = ["protonet", "maml"]\nseeds = [3, 1]\nprotocols = "quick"\n'
        '[settings.maml]\ninner_steps = [1, 5]\nclip = "none"\n'
        "[train]\nsteps = 100\n[train.maml]\nsteps = [10, 20]\n"
    )
    grid = read(path)
    assert grid.learners == ("protonet", "maml")
    assert grid.seeds == (1, 3)
    assert [one["shot"] for one in grid.protocols] == [[1], [5]]
    assert grid.settings == {"maml": {"inner_steps": [1, 5], "clip": [None]}}
    assert (grid.train, grid.train_of) == ({"steps": [100]}, {"maml": {"steps": [10, 20]}})


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"lerners": []}, "`grid` has `lerners` (did you mean `learners`?)"),
        ({"learners": []}, "`learners` is []; it must be a list of names"),
        ({"learners": ["maml", "maml"]}, "`learners` has 'maml' twice"),
        ({"protocols": {"ways": 5}}, "`protocols` has `ways` (did you mean `way`?)"),
        ({"protocols": "quik"}, "did you mean `quick`?"),
        ({"protocols": {"way": []}}, "`protocols.way` is an empty list"),
        ({"seeds": 0}, "`seeds` is 0"),
        ({"seeds": [1, 1]}, "`seeds` has 1 twice"),
        ({"seeds": True}, "`seeds` is True"),
        ({"seeds": [-1]}, "`seed` is -1"),
        ({"settings": {"maml": {}}}, "`settings` has `maml`; it may hold: protonet"),
        ({"settings": {"protonet": 3}}, "`settings.protonet` is 3; it must be a table"),
        ({"train": {"step": 3}}, "`train` has `step` (did you mean `steps`?)"),
        ({"train": {"protonet": {"step": 3}}}, "`train.protonet` has `step`"),
        ({"recipes": {"protonet": 3}}, "`recipes.protonet` has 3"),
        ({"search": {"method": "annealing"}}, "`search.method` is 'annealing'"),
        ({"search": {"method": "random", "trials": 2}}, "`search` names no learner"),
    ],
)
def test_a_mistake_is_one_sentence(other, sentence):
    with pytest.raises(UserError) as caught:
        grid_of({**TINY, **other})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none.toml")
    (tmp_path / "wrong.toml").write_text("learners = [")
    with pytest.raises(UserError, match="is not TOML"):
        read(tmp_path / "wrong.toml")


def test_the_example_of_the_docs_is_a_grid():
    text = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        grid_of(tomllib.loads(block))
