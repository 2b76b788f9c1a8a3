"""One file, one idea: no file and no function is longer than a reader can hold in mind."""

import ast

import pytest

from tests.places import ROOT

FILE = 300
FUNCTION = 45  # lines, those of its docstring not counted
FOLDERS = ("metabench", "tests", "benchmarks", "examples")
FILES = {
    str(path.relative_to(ROOT)): path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
}


def length(function):
    """Lines of a function, its docstring left out."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= function.body[0].end_lineno - function.body[0].lineno + 1
    return lines


def functions(path):
    """All functions of a file with their names, those inside others included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node


def test_files_are_short():
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in FILES.items()}
    assert {name for name, count in lines.items() if count > FILE} == set()


def test_functions_are_short():
    long = {
        f"{name}: {function}"
        for name, path in FILES.items()
        if not name.startswith("tests/")
        for function, node in functions(path)
        if length(node) > FUNCTION
    }
    assert long == set()


@pytest.mark.parametrize("docstring", ["", '    """Two\n    lines."""\n'])
def test_a_docstring_does_not_count(docstring):
    (function,) = ast.parse(f"def one():\n{docstring}    return 1\n").body
    assert length(function) == 2
