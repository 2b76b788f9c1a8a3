"""`NAME=VALUE` on the command line."""

from __future__ import annotations

import pytest

from metabench.cli.command import without_paths
from metabench.cli.settings import parse_settings
from metabench.errors import UserError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("1_000", 1000),
        ("1e-3", 0.001),
        ("0.5", 0.5),
        ("true", True),
        ("False", False),
        ("none", None),
        ("None", None),
        ("cosine", "cosine"),
        ('"3"', "3"),
        ("[1, 2]", [1, 2]),
        ("3x", "3x"),
        ("", ""),
        ("a=b", "a=b"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_values_are_read_as_in_toml_else_as_text(text, value):
    found = parse_settings([f"name={text}"])["name"]
    assert found == value
    assert type(found) is type(value)


def test_names_keep_their_order_and_lose_their_spaces():
    assert list(parse_settings([" b = 1", "a=2"]).items()) == [("b", 1), ("a", 2)]
    assert parse_settings([]) == {}


@pytest.mark.parametrize("pair", ["width", "=3", " =3", ""])
def test_a_pair_without_a_name_or_sign_is_refused(pair):
    with pytest.raises(UserError) as caught:
        parse_settings([pair], "--train")
    assert str(caught.value) == f"`--train` is {pair!r}; write it as NAME=VALUE"


def test_a_name_given_twice_is_refused():
    with pytest.raises(UserError, match="`--set` gives `width` twice; give it once"):
        parse_settings(["width=1", "width=2"])


def test_the_recorded_command_leaves_out_what_is_only_of_this_machine():
    given = ["run", "--learner", "x", "--out", "a.json", "--cache=/c", "--resume", "--seeds", "3"]
    assert without_paths(given) == ["run", "--learner", "x", "--seeds", "3"]


def test_the_folder_of_a_learners_file_is_left_out():
    asked = ["run", "--learner", "/home/me/nets/mine.py:net", "--way", "5"]
    assert without_paths(asked) == ["run", "--learner", "mine.py:net", "--way", "5"]
    assert without_paths(["--learner=nets/mine.py:net"]) == ["--learner=mine.py:net"]
    assert without_paths(["--learner", "package.module:net"]) == ["--learner", "package.module:net"]
