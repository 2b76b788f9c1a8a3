"""The page of all results, as text: what it holds, and that texts stay texts."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from metabench.errors import UserError
from metabench.page import fewshot, site
from metabench.results import document
from metabench.results.ranking import rank
from tests.made_up_result import made_up
from tests.page import hostile
from tests.places import ROOT

VOID = {"meta", "link", "input", "img", "option", "br"}


class Elements(HTMLParser):
    """The elements of a page, with those that are open around each."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag):
        return [attributes for name, attributes, _ in self.found if name == tag]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a page of hostile results, and its elements."""
    folder = tmp_path_factory.mktemp("page")
    site.write(hostile.write(folder / "leaderboards"), folder / "site")
    text = (folder / "site" / "index.html").read_text(encoding="utf-8")
    return folder, text, Elements(text)


def test_elements_are_closed_and_identifiers_are_unique(made):
    _, _, page = made
    assert page.open == []
    ids = [attributes["id"] for _, attributes, _ in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    inner = [one["href"][1:] for one in page.of("a") if one["href"].startswith("#")]
    assert set(inner) <= set(ids)
    labelled = [one["for"] for one in page.of("label")]
    assert set(labelled) <= set(ids)


def test_tables_say_what_they_are(made):
    _, text, page = made
    tables = [one for one in page.found if one[0] == "table"]
    assert len(tables) == text.count("<caption>") == 7  # one of them is a look's
    assert {one["scope"] for one in page.of("th")} == {"col", "row"}
    for part in re.findall(r'<table class="ranking">.*?</table>', text, re.DOTALL):
        assert part.count('aria-sort="ascending"') == 1
        lengths = {len(re.findall("<t[hd]", row)) for row in part.split("<tr")[1:]}
        assert len(lengths) == 1  # as many cells as headings


def test_all_tracks_and_costs_are_there(made):
    _, text, page = made
    for title in (
        "Few-shot classification", "Forecasts of functions", "Learned optimizers",
        "Causes and effects", "Belief by episode",
        "Accuracy by presentation of a class", "Learning curves", "Log-likelihood by point",
        "Accuracy against training (minutes)", "Accuracy, and its spread over episodes and seeds",
        "mann, Santoro et al. 2016 (paper)", "Claimed extra data",
        "Learning curves: validation accuracy", "Learning curves: training loss",
        "1 trained entry of this board has no curve in the result file.",
    ):  # fmt: skip
        assert title in text
    rows = [one for one in page.of("tr") if one.get("data-extra") == "yes"]
    assert len(rows) == 1
    assert {one["data-training"] for one in page.of("tr") if "data-training" in one} == {
        "none", "trained",
    }  # fmt: skip


def test_ranges_fronts_and_both_errors_are_columns():
    results = [
        made_up("protonet", (10, 8, 10, 8), (9, 8, 9, 8)),
        made_up("matching", (7, 8, 7, 6), parameter_count=9),
        made_up("far", (1, 0, 1, 0)),
    ]
    (view,) = fewshot.boards(rank(results), {}, {})
    columns = [column.title for column in view.columns]
    cells = [dict(zip(columns, entry.cells, strict=True)) for entry in view.entries]
    assert [one["front"].text for one in cells] == ["p t a", "p", ""]
    assert [one["error, seeds"].text == "" for one in cells] == [False, True, True]
    assert all(one["error, episodes"].value > 0 for one in cells)
    order = [one["#"].value for one in cells]
    assert order == sorted(order)
    for one in cells:
        least, _, most = one["#"].text.partition("-")
        assert one["#"].value == pytest.approx(int(least) + int(most or least) / 1e6, abs=1e-9)


def test_texts_stay_texts(made):
    _, text, page = made
    assert len(page.of("script")) == 1
    assert page.of("img") == []
    handlers = [key for _, attributes, _ in page.found for key in attributes if key[:2] == "on"]
    assert handlers == []
    assert hostile.SCRIPT in page.texts
    assert hostile.BREAKOUT in page.texts
    svg = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "&lt;script&gt;" in svg
    assert "<script" not in svg


def test_nothing_is_asked_of_a_network(made):
    _, text, page = made
    policy = next(one for one in page.of("meta") if "http-equiv" in one)
    assert policy["content"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "url(http" not in text
    addresses = [one[key] for _, one, _ in page.found for key in ("src", "href") if key in one]
    assert not [one for one in addresses if re.match(r"\w+:|//", one) and one[:5] != "data:"]


def test_links_lead_to_copies_of_the_files(made):
    folder, _, page = made
    links = {one["href"] for one in page.of("a") if one["href"].startswith("results/")}
    assert len(links) == 8
    for link in links:
        copy = folder / "site" / link
        original = folder / "leaderboards" / link.removeprefix("results/")
        assert copy.read_bytes() == original.read_bytes()


def test_a_look_shows_answers_in_words_too(made):
    _, text, _ = made
    part = text.partition('<section class="look"')[2].partition("</section>")[0]
    shown = re.findall(r'class="pic (p\d+)"', part)
    assert len(shown) == 6
    style = text.partition("<style>")[2].partition("</style>")[0]
    kept = re.findall(r"\.(p\d+) \{ background-image: url\(data:image/png;base64,", style)
    assert len(kept) == len(set(kept))  # each image once
    assert set(shown) <= set(kept)
    assert part.count('<span class="unseen">wrong: class</span> 2') == 1
    assert part.count('<span class="unseen">right: class</span>') == 2


def test_what_cannot_be_shown_is_named(tmp_path):
    folder = hostile.write(tmp_path / "leaderboards")
    (folder / "forecast" / "functions-1d-40points-v1" / "a.json").write_text("{}")
    broken = folder / "optimizers" / "mine" / "b.json"
    broken.parent.mkdir()
    source = next(folder.glob("optimizers/*/lstm*.json"))
    text = json.loads(source.read_text(encoding="utf-8"))
    text["figures"]["lstm"]["at"] = "<b>"  # what the schema lets pass
    broken.write_text(json.dumps(text))
    look = next(folder.glob("*/looks/*.json"))
    look.write_text("{}")
    found = site.write(folder, tmp_path / "site")
    said = "\n".join(found.left_out)
    for path in ("a.json", "b.json", str(look)):
        assert path in said
    assert len(found.left_out) == 3
    assert len(found.boards) == 6  # the rest is there
    assert "b.json is no result file" in (tmp_path / "site" / "index.html").read_text()


def test_another_page_is_not_replaced(tmp_path):
    folder = tmp_path / "leaderboards"
    document.write(made_up(), folder / "mine" / "protonet.json")
    out = tmp_path / "site"
    out.mkdir()
    (out / "index.html").write_text("<!doctype html><title>mine</title>")
    with pytest.raises(UserError, match="no page of leaderboards"):
        site.write(folder, out)
    site.write(folder, out, force=True)
    site.write(folder, out)  # its own page it may replace
    with pytest.raises(UserError, match="no results to show"):
        site.write(tmp_path / "empty", out)


@pytest.mark.slow
def test_the_committed_boards_are_shown_whole(tmp_path):
    found = site.write(ROOT / "leaderboards", tmp_path)
    assert found.left_out == []
    assert {board.track for board in found.boards} == {
        "Few-shot classification", "Forecasts of functions", "Learned optimizers",
        "Causes and effects",
    }  # fmt: skip
    assert (tmp_path / "index.html").stat().st_size < 2_000_000
    page = Elements((tmp_path / "index.html").read_text(encoding="utf-8"))
    ids = [attributes["id"] for _, attributes, _ in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
