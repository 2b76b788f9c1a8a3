"""Hyperparameters and recipes of the LSTM optimizer."""

from pathlib import Path

import pytest

from metabench.errors import UserError
from metabench.learned_optimizers.problems.tasks import NAMES
from metabench.recipes import folder
from metabench.tracks.optimizers.plan import FOLDER, LstmPlan, find, lstm_plan, place


@pytest.mark.parametrize("path", sorted((folder() / FOLDER).glob("*.toml")), ids=lambda p: p.stem)
def test_committed_recipes_make_plans(path):
    task = max((one for one in NAMES if path.stem.startswith(one)), key=len)
    variant = path.stem.removeprefix(task).removeprefix("-") or None
    name, values = find(task, variant)
    assert name == f"optimizers/{path.stem}"
    assert lstm_plan(values) != LstmPlan()
    head = path.read_text("utf-8")
    for word in ("# command:  metabench optimize", "# expected:", "# time:", "# paper:"):
        assert word in head


def test_horizons_are_lengths_of_episodes():
    assert lstm_plan({}).lengths == (100,)
    assert lstm_plan({"horizons": [100, 200]}).lengths == (100, 200)


def test_gradients_may_be_read_as_they_are():
    assert lstm_plan({}).read == 10.0
    assert lstm_plan({"preprocess": False}).read is None


def test_trainings_keep_their_names_when_options_are_added():
    """The committed optimizer's name; what differs in a new option has another."""
    plan = lstm_plan(find("quadratic")[1])
    assert place(plan, "quadratic", "", Path("r")).name == "lstm-5e9a8543"
    other = lstm_plan({**find("quadratic")[1], "horizons": [100, 200]})
    assert place(other, "quadratic", "", Path("r")).name != "lstm-5e9a8543"


def test_a_task_without_a_recipe_has_defaults():
    assert find("mnist-mlp-relu") == ("defaults", {})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"unit": 3}, "did you mean `units`"),
        ({"units": 0}, "`units` is 0; it must be a whole number of 1 or more"),
        ({"units": True}, "`units` is True"),
        ({"coordinates": 0.5}, "`coordinates` is 0.5"),
        ({"scale": "big"}, "`scale` is 'big'; it must be a number above 0"),
        ({"clip": float("inf")}, "`clip` is inf"),
        ({"by_kind": 1}, "`by_kind` is 1; it must be true or false"),
        ({"horizon": 30}, "`horizon` is 30 and `truncation` 20"),
        ({"horizons": [100, 130]}, "`horizons` is 130 and `truncation` 20"),
        ({"horizons": [200, 100]}, "`horizons` is [200, 100]; it must be whole numbers"),
        ({"horizons": 100}, "`horizons` is 100"),
        ({"horizons": []}, "`horizons` is []"),
        ({"reset_every": 50}, "`reset_every` is 50 and `truncation` 20"),
    ],
)
def test_values_that_make_no_sense(values, said):
    with pytest.raises(UserError) as raised:
        lstm_plan(values)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lstm = 3", "must hold one table"),
        ("[train]\nsteps = 3", "must hold one table"),
        ("[lstm", "is not TOML"),
    ],
)
def test_recipes_that_are_not_well_formed(tmp_path, text, said):
    path = tmp_path / "one.toml"
    path.write_text(text)
    with pytest.raises(UserError) as raised:
        find("quadratic", str(path))
    assert said in str(raised.value)


def test_a_recipe_that_is_not_there():
    with pytest.raises(UserError, match="cannot be read"):
        find("quadratic", "none.toml")
