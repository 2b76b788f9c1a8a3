"""Data flows one way: a module imports only from its own row and the rows above it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import metabench
from metabench import registry

ROOT = Path(metabench.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")
ROWS = (
    ("errors", "types"),
    ("registry", "progress"),
    ("cache", "download", "archives", "arrays", "datasets"),
    ("data",),
    ("inventory",),
    ("gaussian_process", "functions"),
    ("tables", "draws", "label_codes", "episodes", "streams", "tasks", "protocols"),
    ("trials", "protocol_tables"),
    ("nets",),
    ("optimizees", "optimizers"),
    ("learners", "statistician"),
    ("beginnings",),
    ("conformance", "online", "forecasts", "evaluate", "traces", "checkpoints"),
    ("training_loop",),
    ("train",),
    ("recipes", "results", "environment"),
    ("leaderboard",),
    ("report", "plots", "sheets"),
    ("plan",),
    ("run", "regression"),
    ("optimizing",),
    ("trained",),
    ("cli", "__main__"),
)
ROW = {unit: number for number, units in enumerate(ROWS) for unit in units}
ONLY_IN = {  # other packages, and the only units that may import them
    "flax": {"nets", "learners", "statistician"},
    "tensorflow_datasets": {"datasets"},
    "matplotlib": {"plots", "report", "cli"},
    "rich": {"progress", "report", "cli"},
    "typer": {"cli", "__main__"},
}
SLOW_TO_IMPORT = {"tensorflow_datasets", "tensorflow", "matplotlib", "torch"}

every_module = pytest.mark.parametrize(
    "path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES]
)


def unit_of(path):
    """`metabench/nets/conv4.py` belongs to the unit `nets`."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


class Imports(ast.NodeVisitor):
    """Names of what a file imports, but for type checking."""

    def __init__(self, path):
        self.names = []
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_If(self, node):
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_Import(self, node):
        self.names += [alias.name for alias in node.names]

    def visit_ImportFrom(self, node):
        assert node.level == 0, "imports are absolute"
        self.names += [f"{node.module}.{alias.name}" for alias in node.names]


def test_every_unit_has_a_row():
    units = {unit_of(path) for path in MODULES}
    assert units <= set(ROW), f"give these a row: {sorted(units - set(ROW))}"


@every_module
def test_imports_come_from_above(path):
    for name in Imports(path).names:
        package, _, inner = name.partition(".")
        if package == "metabench" and (unit := inner.split(".")[0]) in ROW:
            assert ROW[unit] <= ROW[unit_of(path)], f"{name} is below {unit_of(path)}"


@every_module
def test_packages_are_imported_only_where_they_belong(path):
    for name in Imports(path).names:
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or unit_of(path) in allowed, f"{name} may not be imported here"


@every_module
def test_no_branch_on_the_name_of_a_learner(path):
    names = set(registry.names("learners"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare | ast.MatchValue):
            constants = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
            assert not constants & names, f"line {node.lineno}: {ast.unparse(node)}"


def test_slow_packages_are_not_imported_before_they_are_needed():
    code = (
        "import sys, metabench.cli, metabench.run, metabench.conformance\n"
        "from metabench import registry\n"
        "for name in registry.names('datasets'): registry.dataset(name)\n"
        f"print(*sorted({SLOW_TO_IMPORT!r} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
