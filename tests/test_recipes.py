"""Recipes: every committed one is sound, the right one is found, wrong ones are one sentence."""

from __future__ import annotations

import re

import pytest

from metabench import recipes, registry
from metabench.errors import UserError
from metabench.recipes import Recipe
from metabench.training.lengths import lengths_of
from metabench.types import EpisodeShape, FunctionShape

COMMITTED = sorted(
    path
    for name in (*registry.names("datasets"), recipes.FUNCTIONS)
    for path in (recipes.folder() / name).glob("*.toml")
)


def learner_of(path):
    """The learner that a recipe's file name begins with."""
    names = [n for n in registry.names("learners") if f"{path.stem}-".startswith(f"{n}-")]
    assert names, f"{path.name} is named after no learner"
    return max(names, key=len)


def shape_of(path):
    """The shape that a recipe's file name ends in, or the usual one."""
    if path.parent.name == recipes.FUNCTIONS:
        found = re.search(r"-(\d+)d$", path.stem)
        return FunctionShape(int(found.group(1)) if found else 1)
    found = re.search(r"-(\d+)way-(\d+)shot$", path.stem)
    way, shot = map(int, found.groups()) if found else (5, 1)
    return EpisodeShape(way, shot, 15, registry.dataset(path.parent.name).image)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_committed_recipes(path):
    recipe = recipes.read(path, path.stem)
    learner = learner_of(path)
    plan = lengths_of(recipe.train)
    settings = dict(recipe.learner)
    if "steps" in registry.options(learner):
        settings.setdefault("steps", plan.steps)
    registry.build_learner(learner, shape_of(path), settings)
    header = re.match(r"(#.*\n)+", path.read_text(encoding="utf-8"))
    assert header, "a recipe opens with a comment"
    for word in ("command:", "expected:", "time:", "paper:"):
        assert re.search(rf"^#\s*{word}\s*\S", header.group(), re.MULTILINE), f"no `{word}`"
    command = re.search(r"command:\s*(.*)", header.group()).group(1)
    assert f"--learner {learner}" in command
    wanted = (
        "forecast" if path.parent.name == recipes.FUNCTIONS else f"--dataset {path.parent.name}"
    )
    assert wanted in command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of recipes in place of the committed ones."""
    monkeypatch.setattr(recipes, "folder", lambda: tmp_path)
    (tmp_path / "strokes").mkdir()
    return tmp_path / "strokes"


def test_the_recipe_of_the_shape_comes_before_the_learners(folder):
    assert recipes.find("strokes", "protonet", 5, 1) == Recipe("defaults")
    (folder / "protonet.toml").write_text("[learner]\nwidth = 32\n[train]\nsteps = 7\n")
    usual = Recipe("strokes/protonet", {"width": 32}, {"steps": 7})
    assert recipes.find("strokes", "protonet", 5, 1) == usual
    (folder / "protonet-20way-5shot.toml").write_text("[train]\nsteps = 9\n")
    own = Recipe("strokes/protonet-20way-5shot", {}, {"steps": 9})
    assert recipes.find("strokes", "protonet", 20, 5) == own
    assert recipes.find("strokes", "protonet", 20, 1) == usual
    assert recipes.find("strokes", "matching", 20, 5) == Recipe("defaults")


def test_forecasts_have_recipes_of_their_own(folder):
    own = folder.parent / "functions"
    own.mkdir()
    assert recipes.find_forecast("mann", 2) == Recipe("defaults")
    (own / "mann.toml").write_text("[train]\nsteps = 7\n")
    (own / "mann-3d.toml").write_text("[train]\nsteps = 9\n")
    assert recipes.find_forecast("mann", 2) == Recipe("functions/mann", {}, {"steps": 7})
    assert recipes.find_forecast("mann", 3) == Recipe("functions/mann-3d", {}, {"steps": 9})
    assert recipes.find_forecast("mann", 1, "3d").train == {"steps": 9}
    with pytest.raises(UserError, match="mann on functions has these variants: 3d"):
        recipes.find_forecast("mann", 1, "long")


def test_a_variant_is_found_by_name_and_a_file_by_path(folder, tmp_path):
    (folder / "protonet-long.toml").write_text("[train]\nsteps = 99\n")
    assert recipes.variants("strokes", "protonet") == ("long",)
    long = Recipe("strokes/protonet-long", {}, {"steps": 99})
    assert recipes.find("strokes", "protonet", 5, 1, "long") == long
    path = str(folder / "protonet-long.toml")
    assert recipes.find("strokes", "matching", 5, 1, path) == Recipe(path, {}, {"steps": 99})
    with pytest.raises(
        UserError, match=r"`recipe` is 'lng' \(did you mean `long`\?\), but protonet "
    ):
        recipes.find("strokes", "protonet", 5, 1, "lng")
    with pytest.raises(
        UserError,
        match=r"has no variants to choose; leave it out, or give the path of a \.toml file",
    ):
        recipes.find("strokes", "matching", 5, 1, "long")
    with pytest.raises(UserError, match=r"absent\.toml cannot be read \(No such file"):
        recipes.find("strokes", "protonet", 5, 1, str(tmp_path / "absent.toml"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[learner", "is not TOML: "),
        (b"\xff\xfe", "is not TOML: "),
        ("[lerner]\nwidth = 3\n", "has `lerner`; a recipe holds the tables [learner] and [train]"),
        ("steps = 3\n", "has `steps`; a recipe holds the tables"),
        ("train = 3\n", "has `train`; a recipe holds the tables"),
        ("[train]\nstps = 3\n", "no `stps` (did you mean `steps`?)"),
        ("[train]\nsteps = 0\n", "`steps` is 0; it must be a whole number of 1 or more"),
        ("[train]\nbatch = 1.5\n", "`batch` is 1.5; it must be a whole number"),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_sentence(tmp_path, text, complaint):
    path = tmp_path / "recipe.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as caught:
        recipes.read(path, "recipe")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_a_recipe_that_changes_nothing(tmp_path):
    (tmp_path / "empty.toml").write_text("# nothing\n")
    assert recipes.read(tmp_path / "empty.toml", "empty") == Recipe("empty")
