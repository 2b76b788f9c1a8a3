"""Figures within a page: its colours, no formulas, nothing that is run."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from metabench.plots import board_charts, svg
from metabench.plots.board_charts import Line, Point, Spread

HOSTILE = ["<script>alert(1)</script>", "$\\frac{1}{", "_hidden", 'a" onload="b', "字"]


def spread(name, seeds=(0.9, 0.8)):
    return Spread(name, 0.85, 0.02, seeds, np.linspace(0.5, 1, 20))


def test_colours_are_those_of_the_page():
    found = board_charts.spreads([spread("protonet")], "one")
    assert "currentColor" in found
    assert "var(--series-0)" in found
    assert "var(--line)" in found
    assert not re.search(r"#[0-9a-f]{6}", found)
    assert "<style" not in found  # it would hold for the whole page
    assert "<metadata" not in found


def test_nothing_is_said_that_only_makes_the_page_longer():
    found = board_charts.spreads([spread("protonet")], "a-very-long-name-of-a-board")
    assert "font-family" not in found
    assert "very-long" not in found
    assert not re.search(r'd="[^"]*\s\s', found)


def test_names_stay_text():
    found = board_charts.spreads([spread(name) for name in HOSTILE], "one")
    assert "<script" not in found
    root = ElementTree.fromstring(found.replace("xlink:", ""))
    tags = {element.tag for element in root.iter()}
    assert tags <= {"svg", "g", "path", "defs", "use", "text", "tspan", "clipPath", "rect"}
    said = "".join(root.itertext())
    for name in HOSTILE:
        assert name[:25] in said
    assert not any(key.startswith("on") for element in root.iter() for key in element.attrib)


def test_identifiers_are_those_of_one_picture():
    first = board_charts.spreads([spread("a")], "first")
    second = board_charts.spreads([spread("a")], "second")
    ids = [set(re.findall(r' id="([^"]+)"', one)) for one in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    used = set(re.findall(r"#([\w-]+)", first)) - {"first"}
    assert used <= ids[0]
    assert first == board_charts.spreads([spread("a")], "first")  # the same bytes again


def test_costs_of_nothing_and_of_much_are_drawn():
    points = [Point(1, 0.9, 1e7, True, True), Point(2, 0.5, 0.0, False, True)]
    found = board_charts.against(points, "parameters", "one", smallest=1000)
    assert ">10M<" in found
    assert ">0<" in found
    nothing = [Point(1, 0.9, 0.0, False, True), Point(2, 0.5, 0.0, False, False)]
    assert "svg" in board_charts.against(nothing, "parameters", "one", smallest=1000)


def test_numbers_that_would_lie_on_one_another_stand_together():
    points = [Point(1, 0.9, 10.0, False, True), Point(2, 0.8999, 9.99, False, True)]
    points.append(Point(3, 0.5, 0.0, False, True))
    found = board_charts.against(points, "cost", "one", smallest=0.1)
    assert ">1, 2<" in found


def test_a_logarithmic_axis_says_plain_numbers():
    line = Line("adam", [1, 10, 100], [100, 1, 0.01], [10, 0.1, 0.001], [1000, 10, 0.1])
    found, legend = board_charts.curves([line], "step", "loss", "one", log="xy")
    assert ">0.01<" in found
    assert "$" not in found
    assert legend == [(0, "adam")]
    assert svg.marker(0) != svg.marker(svg.SERIES)
