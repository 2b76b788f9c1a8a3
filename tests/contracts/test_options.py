"""Options of factories: groups are flattened, and values are held to their annotations."""

import inspect
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from metabench.contracts.options import (
    POSITIVE,
    TEST_ONLY,
    AtLeast,
    Between,
    Chance,
    Count,
    FromTo,
    Options,
    Rate,
    check_options,
    in_words,
    only_in_test,
    options_of,
    with_options,
)
from metabench.errors import UserError


@dataclass(frozen=True)
class Descent(Options):
    rate: Annotated[float, POSITIVE] = 0.1
    clip: Annotated[float, POSITIVE] | None = None


@with_options
def factory(
    shape: int,
    *,
    width: Count = 8,
    descent: Descent = Descent(rate=0.5),
    kind: Literal["a", "b"] = "a",
    share: Annotated[Chance, TEST_ONLY] = 0.5,
    power: Annotated[float, Between(0, 2)] = 1.0,
):
    return shape, width, descent, kind, share, power


def test_the_fields_of_a_group_are_options_of_the_factory():
    found = options_of(factory)
    assert list(found) == ["width", "rate", "clip", "kind", "share", "power"]
    assert found["rate"].default == 0.5  # of the factory's own default
    assert found["clip"].default is None
    names = list(inspect.signature(factory).parameters)
    assert names == ["shape", *found]


def test_single_options_and_whole_groups_are_taken():
    assert factory(1) == (1, 8, Descent(0.5), "a", 0.5, 1.0)
    assert factory(1, rate=0.2, kind="b") == (1, 8, Descent(0.2), "b", 0.5, 1.0)
    assert factory(1, descent=Descent(0.3, clip=1.0)).__getitem__(2) == Descent(0.3, 1.0)
    assert factory(1, descent=Descent(0.3), clip=2.0).__getitem__(2) == Descent(0.3, 2.0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"width": 0}, "`width` is 0; it must be at least 1"),
        ({"width": 1.0}, "`width` is 1.0; it must be a whole number"),
        ({"width": True}, "`width` is True; it must be a whole number"),
        ({"rate": 0}, "`rate` is 0; it must be positive"),
        ({"rate": float("nan")}, "`rate` is nan; it must be a finite number"),
        ({"clip": -1.0}, "`clip` is -1.0; it must be positive"),
        ({"clip": "none"}, "`clip` is 'none'; it must be a finite number or none"),
        ({"descent": Descent(rate=-1.0)}, "`rate` is -1.0; it must be positive"),
        ({"kind": "c"}, "`kind` is 'c'; it must be one of: a, b"),
        ({"share": 1.5}, "`share` is 1.5; it must be from 0 to 1"),
        ({"power": 2.0}, "`power` is 2.0; it must be between 0 and 2"),
    ],
)
def test_a_wrong_value_is_one_sentence(options, sentence):
    with pytest.raises(UserError) as caught:
        factory(1, **options)
    assert str(caught.value) == sentence


def test_none_and_truth_values_become_words_where_only_the_words_are_admitted():
    def worded(
        shape: int,
        *,
        norm: Literal["batch", "none"] = "none",
        mode: Annotated[Literal["true", "fast"], TEST_ONLY] | None = None,
        name: str = "",
        clip: Rate | None = None,
        flag: bool = False,
    ):
        pass

    given = {"norm": None, "mode": True, "name": None, "clip": None, "flag": True, "other": None}
    words = {"norm": "none", "mode": "true", "name": "none"}
    assert in_words(worded, given) == given | words
    assert in_words(worded, {"mode": None, "flag": None}) == {"mode": None, "flag": None}


def test_a_factory_without_options_does_not_seem_to_have_one_called_none():
    with pytest.raises(UserError, match="has no option `width`; it has no options at all"):
        check_options("mine", lambda shape: None, {"width": 3})


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(UserError, match=r"no option `wdith` \(did you mean `width`\?\)"):
        factory(1, wdith=3)
    with pytest.raises(UserError, match=r"learner `mine` has no option `wdith`"):
        check_options("mine", factory, {"wdith": 3})


def test_values_at_the_limits_are_taken():
    assert factory(1, width=1, share=0, clip=None)[1] == 1
    assert FromTo(0, 1).allows(1)
    assert not Between(0, 1).allows(1)
    assert AtLeast(2).allows(2)


def test_marks_are_found_beside_other_annotations():
    assert only_in_test(factory) == ("share",)


def test_a_factory_goes_through_once():
    assert with_options(factory) is factory


def test_annotations_for_type_checkers_only_admit_every_value():
    def odd(shape: "Missing", *, width: "Missing" = 3):  # noqa: F821
        return width

    assert with_options(odd)(1, width="wide") == "wide"
