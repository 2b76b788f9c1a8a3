"""The pages name modules, files and links that exist. `test_examples.py` runs their examples."""

import importlib
import re

import pytest

from tests.places import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("README.md")),
]
FOLDERS = ("metabench", "tests", "docs", "benchmarks", "leaderboards", "examples")
FILES = [str(path.relative_to(ROOT)) for name in FOLDERS for path in (ROOT / name).rglob("*")]
# `<name>` and `…` stand for any; a bare file name may be one that the reader writes.
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|json|toml|md|png|npz))`")
MODULE = re.compile(r"^(?:from|import) (metabench[\w.]*)(?: import ([\w, ]+))?", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)


@every_page
def test_files_that_a_page_names_exist(page):
    for path in PATH.findall(page.read_text(encoding="utf-8")):
        assert any(f"/{file}".endswith(f"/{path}") for file in FILES), f"there is no {path}"


@every_page
def test_imports_that_a_page_shows_work(page):
    for module, names in MODULE.findall(page.read_text(encoding="utf-8")):
        found = importlib.import_module(module)
        for name in names.replace(",", " ").split():
            if not hasattr(found, name):
                importlib.import_module(f"{module}.{name}")


@every_page
def test_links_lead_to_files(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"there is no {target}"
