"""Ctrl-C: one line that is true of the command, also while modules are imported."""

import signal
import subprocess
import sys

import pytest
from typer.main import get_command

from metabench.cli import interrupts
from metabench.cli.main import app

RESUME = "Interrupted; the same command with `--resume` continues from the last checkpoint."
KEEPS = "Interrupted; the same command keeps what is trained, and continues from there."
ANEW = "Interrupted; the same command begins anew."


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run --learner maml", RESUME),
        ("forecast --learner mann", RESUME),
        ("optimize train --task quadratic", RESUME),
        ("optimize --task quadratic", KEEPS),
        ("sweep grid.toml", KEEPS),
        ("optimize evaluate --task quadratic", ANEW),
        ("learners", ANEW),
        ("leaderboard", ANEW),
        ("data prepare omniglot", ANEW),
        ("statistician distributions", ANEW),
        ("", ANEW),
    ],
)
def test_what_is_said(command, said):
    assert interrupts.sentence(get_command(app), command.split()) == said


@pytest.fixture
def usual():
    """Python's own handler, which workers of pytest-xdist do without."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


def test_an_interruption_elsewhere_is_an_exception(usual):
    with pytest.raises(KeyboardInterrupt), interrupts.at_once(lambda: "text"):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_somebody_else_stays(usual):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts.at_once(lambda: "text"):
        signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_interruption_of_an_import_ends_at_once(tmp_path):
    # As NumPy's extension does, the module turns the exception into another one.
    (tmp_path / "slow.py").write_text(
        "import signal\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    raise ImportError('no extension')\n"
    )
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from metabench.cli import interrupts, main\n"
        "from metabench import registry\n"
        "def names(group):\n    import slow\n"
        "registry.names = names\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "sys.argv = ['metabench', 'learners']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", ANEW + "\n")
