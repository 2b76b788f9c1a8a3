"""`metabench`: the commands, and how their errors end."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from metabench.cli import interrupts
from metabench.cli.accept import accept
from metabench.cli.causal import causal_commands
from metabench.cli.check import check
from metabench.cli.compare import compare
from metabench.cli.computing import computes, computes_together, plans
from metabench.cli.data import data_commands
from metabench.cli.forecast import forecast
from metabench.cli.listing import backbones, datasets, leaderboard, learners, protocols
from metabench.cli.optimize import optimize_commands
from metabench.cli.predict import predict
from metabench.cli.regress import regress
from metabench.cli.run import run
from metabench.cli.runs import runs_commands
from metabench.cli.statistician import statistician_commands
from metabench.cli.submit import submit
from metabench.cli.sweep import sweep
from metabench.cli.terminal import make_plain
from metabench.cli.verify import verify
from metabench.errors import UserError
from metabench.files.progress import say

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Few-shot meta-learning benchmark: one sampler, one evaluator, comparable numbers.",
)
app.command()(computes_together(run))
app.command()(plans(sweep))
app.command()(computes(predict))
app.command()(computes(check))
app.command()(computes(submit))
app.command()(computes(verify))
app.command()(accept)
app.command()(computes(forecast))
app.command()(leaderboard)
app.command()(compare)
app.command()(learners)
app.command()(backbones)
app.command()(datasets)
app.command()(computes(protocols))
app.command()(computes(regress))
app.add_typer(data_commands, name="data")
app.add_typer(runs_commands, name="runs")
app.add_typer(optimize_commands, name="optimize")
app.add_typer(statistician_commands, name="statistician")
app.add_typer(causal_commands, name="causal")


@app.callback(invoke_without_command=True)
def _top(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        from importlib.metadata import version as installed

        print(f"metabench {installed('metabench')}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a mistake is one sentence on standard error and exit code 2."""
    make_plain()
    try:
        with interrupts.at_once(_sentence):
            code = app(standalone_mode=False)
        if code == interrupts.CODE:  # what newer typers make of Ctrl-C
            _interrupted()
    except KeyboardInterrupt:
        _interrupted()
    except UserError as error:
        _fail(str(error))
    except Exception as error:
        # typer's own exceptions: wrong options, missing values, `--help` and aborts.
        if type(error).__name__ == "NoArgsIsHelpError":  # a command group by itself
            say(str(error))
            sys.exit(2)
        if hasattr(error, "format_message"):
            _fail(error.format_message().rstrip(".").replace("\n", " "))
        if type(error).__name__ == "Abort":  # what older typers make of Ctrl-C
            _interrupted()
        raise
    sys.exit(code if isinstance(code, int) else 0)


def _interrupted() -> NoReturn:
    say(_sentence())
    sys.exit(interrupts.CODE)


def _sentence() -> str:
    return interrupts.sentence(typer.main.get_command(app), sys.argv[1:])


def _fail(sentence: str) -> NoReturn:
    say(f"error: {sentence}")
    sys.exit(2)
