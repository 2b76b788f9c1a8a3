"""What computes nothing waits for no JAX; what computes is begun with JAX made ready."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import metabench as package
from metabench.cli import programs
from metabench.cli.main import app
from metabench.errors import UserError

HEAVY = {"jax", "flax", "optax", "orbax", "matplotlib", "tensorflow_datasets"}
ROOT = Path(package.__file__).parents[1]
CALL = "import sys; from metabench.cli import main; sys.argv = ['metabench', *{}]; main()"
COMPUTE = {
    "run": ("--learner", "pixel_nn"),
    "sweep": ("grid.toml",),
    "check": ("pixel_nn",),
    "predict": ("--result", "r.json", "--support", "a", "--query", "b"),
    "submit": ("pixel_nn", "--out", "entry", "--author", "A"),
    "verify": ("entry",),
    "regress": (),
    "forecast": ("--learner", "lstm"),
    "protocols": (),
    "data show": ("strokes",),
    "optimize": ("--task", "quadratic"),
    "optimize train": ("--task", "quadratic"),
    "optimize evaluate": ("--task", "quadratic"),
    "causal direction": (),
    "causal rotation": (),
    "statistician distributions": (),
    "statistician summarize": (),
    "statistician sample": ("--result", "result.json"),
}
COMPUTE_NOTHING = {
    "accept", "compare", "leaderboard", "backbones", "learners", "datasets", "data list",
    "data prepare", "data verify", "runs clean",
}  # fmt: skip


def imported(code):
    """The packages that a process has imported when `code` has run."""
    tell = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    ended = subprocess.run(
        [sys.executable, "-c", tell + code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in ended.stderr.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import metabench; metabench.Result, metabench.Protocol, metabench.UserError",
        CALL.format(["--help"]),
        CALL.format(["run", "--help"]),
        CALL.format(["optimize", "train", "--help"]),
        CALL.format(["leaderboard"]),
    ],
)
def test_no_heavy_package_is_imported(code):
    found = imported(code)
    assert "metabench" in found
    assert not found & HEAVY


def commands(group, *above):
    """The names of all commands that do something by themselves."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *above, name)
            if not command.invoke_without_command:
                continue
        if not command.hidden:
            yield " ".join((*above, name))


def test_each_command_is_in_one_of_the_lists():
    assert COMPUTE.keys() | COMPUTE_NOTHING == set(commands(get_command(app)))
    assert not COMPUTE.keys() & COMPUTE_NOTHING


@pytest.mark.parametrize("name", COMPUTE)
def test_jax_is_made_ready_for_what_computes(metabench, monkeypatch, name):
    def keep():
        raise UserError("made ready")

    monkeypatch.setattr(programs, "keep", keep)
    assert metabench(*name.split(), *COMPUTE[name]) == (2, "", "error: made ready\n")


def test_every_public_name_is_there():
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert not hasattr(package, "Learnr")
