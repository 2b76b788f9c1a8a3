"""Data flows one way: a module imports only from rows below its own, or from its own room."""

import ast
import graphlib
import subprocess
import sys

import pytest

from metabench import registry
from tests.layers import DOCUMENT, LEVEL, PACKAGE, with_table
from tests.places import ROOT

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
PARTED = ("tracks", "learners", "datasets")  # rooms whose folders do not import each other
SHARED = {("learners", "common")}  # but for this one, which every folder of its room may import
ONLY_IN = {  # other packages, and the only units that may import them
    "flax": {"nets", "learners", "tracks/statistician"},
    "tensorflow_datasets": {"data/tfds_records"},
    "matplotlib": {"plots"},
    "PIL": {"data/readers", "datasets", "plots/contact_sheet", "results/looks"},
    "orbax": {"training/checkpoints"},
    "jinja2": set(),
    "jsonschema": {"results/schemas"},
    "pandas": set(),
    "rich": {"cli", "files/progress", "results/tables", "sweeps/view", "training/view"},
    "typer": {"cli"},
    "ray": set(),
    "submitit": set(),
    "optuna": set(),
}
SLOW_TO_IMPORT = {"tensorflow_datasets", "tensorflow", "matplotlib", "torch"}


def parts_of(path):
    """`metabench/nets/memory/unroll.py` is `("nets", "memory", "unroll")`, a room its folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


NAMES = {".".join(("metabench", *parts_of(path))): path for path in MODULES}
every_module = pytest.mark.parametrize(
    "path", MODULES, ids=[str(path.relative_to(PACKAGE)) for path in MODULES]
)


class Imports(ast.NodeVisitor):
    """Names of what a file imports, but for type checking if `typing` is false."""

    def __init__(self, path, typing=True):
        self.names, self.typing = [], typing
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_If(self, node):
        if self.typing or ast.unparse(node.test) != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_Import(self, node):
        self.names += [alias.name for alias in node.names]

    def visit_ImportFrom(self, node):
        assert node.level == 0, "imports are absolute"
        self.names += [f"{node.module}.{alias.name}" for alias in node.names]


def ours(path):
    """What a file imports of the package, as names without `metabench.` in front."""
    split = [name.split(".") for name in Imports(path).names]
    return [tuple(rest) for package, *rest in split if package == "metabench"]


def test_every_unit_has_a_row_and_every_row_its_units():
    assert {parts_of(path)[0] for path in MODULES} == set(LEVEL)


@every_module
def test_imports_come_from_below(path):
    unit = parts_of(path)[0]
    for name in ours(path):
        assert name[:1] != (), "import what is needed from where it is defined"
        assert name[0] in LEVEL, f"import {name[0]} from where it is defined"
        own = name[0] == unit and (PACKAGE / unit).is_dir()
        assert own or LEVEL[name[0]] < LEVEL[unit], f"{'.'.join(name)} is not below {unit}"


@every_module
def test_folders_of_a_parted_room_do_not_import_each_other(path):
    room, folder = (*parts_of(path), "")[:2]
    if room in PARTED and folder and (PACKAGE / room / folder).is_dir():
        for name in ours(path):
            allowed = {(room, folder), *SHARED}
            assert name[0] != room or name[:2] in allowed, f"{'.'.join(name)} is of another folder"


def test_no_module_imports_itself_through_others():
    graph = {}
    for name, path in NAMES.items():
        imported = {".".join(("metabench", *inner)) for inner in ours(path)}
        modules = {n if n in NAMES else n.rpartition(".")[0] for n in imported}
        graph[name] = modules - {"metabench", name}
    tuple(graphlib.TopologicalSorter(graph).static_order())


@every_module
def test_packages_are_imported_only_where_they_belong(path):
    within = "/".join(parts_of(path))
    for name in Imports(path, typing=False).names:
        allowed = ONLY_IN.get(name.split(".")[0])
        if allowed is not None:
            rooms = tuple(f"{room}/" for room in allowed)
            assert f"{within}/".startswith(rooms), f"{name} may not be imported here"


@every_module
def test_no_branch_on_the_name_of_a_learner(path):
    names = set(registry.names("learners"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare | ast.MatchValue):
            constants = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
            assert not constants & names, f"line {node.lineno}: {ast.unparse(node)}"


def test_slow_packages_are_not_imported_before_they_are_needed():
    code = (
        "import sys, metabench.cli, metabench.conformance\n"
        "import metabench.tracks.fewshot.run, metabench.tracks.forecast.run\n"
        "from metabench import registry\n"
        "for name in registry.names('datasets'): registry.dataset(name)\n"
        f"print(*sorted({SLOW_TO_IMPORT!r} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_table_in_the_documentation_is_that_of_the_rows():
    committed = DOCUMENT.read_text(encoding="utf-8")
    assert with_table(committed) == committed, "run `python -m tests.layers --write`"


def test_make_check_compares_the_table():
    assert "python -m tests.layers\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
