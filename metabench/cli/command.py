"""The command line as a result tells it: what decides the figures, without places here."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

PLACES = ("--out", "--run-dir", "--archives", "--cache")
FLAGS = ("--resume", "--quiet", "--force")


def command_line() -> str:
    """The command of this process, as a shell would take it."""
    return shlex.join(["metabench", *without_paths(sys.argv[1:])])


def without_paths(arguments: list[str]) -> list[str]:
    """The arguments that decide the result, without those that say where things are here."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        name, sign, _ = argument.partition("=")
        if skip:
            skip = False
        elif name in PLACES:
            skip = not sign
        elif argument not in FLAGS:
            kept.append(_without_folder(argument))
    return kept


def _without_folder(argument: str) -> str:
    """`folder:/home/me/birds` as `folder:birds` and `/home/me/mine.py:net` as `mine.py:net`.

    Also after `--dataset=` or `--learner=`.
    """
    from metabench import registry

    option, sign, value = argument.partition("=") if argument[:2] == "--" else ("", "", argument)
    first, colon, rest = value.rpartition(":")
    if colon and first.endswith(".py"):
        return f"{option}{sign}{Path(first).name}:{rest}"
    scheme, colon, rest = value.partition(":")
    if not colon or scheme not in registry.schemes():
        return argument
    return f"{option}{sign}{scheme}:{Path(rest).expanduser().resolve().name}"
