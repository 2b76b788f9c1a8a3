"""Identifiers of boards, and addresses of files."""

from pathlib import Path

import pytest

from metabench.page.naming import address, slug


def test_a_plain_title_is_its_own_identifier():
    assert slug("mini_imagenet-ravi-5way-1shot-v2") == "mini_imagenet-ravi-5way-1shot-v2"


def test_other_titles_have_other_identifiers():
    titles = ["a b", "a-b", "A-b", "a  b", "字", "板", "", "<b>", "a.1"]
    found = [slug(title) for title in titles]
    assert len(set(found)) == len(titles)
    for one in found:
        assert one.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("name", "found"),
    [("a/b.json", "results/a/b.json"), ('a/"x y.json', "results/a/%22x%20y.json")],
)
def test_an_address_is_quoted(name, found):
    assert address(Path("boards") / name, Path("boards")) == found
