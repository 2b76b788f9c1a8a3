"""The exception for mistakes that a user can correct, and suggestions of similar names."""

from __future__ import annotations

import difflib


class UserError(ValueError):
    """A mistake that the user can correct.

    Its text is one sentence: the argument in backticks, the value received, the
    values allowed, the remedy. The command line prints it and exits with code 2.
    """


def suggest(name: str, known: tuple[str, ...]) -> str:
    """` (did you mean ...?)` if a known name is similar, else nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""
