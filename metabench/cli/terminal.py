"""Standard output and error that cannot show every character, such as those of a CI runner."""

from __future__ import annotations

import codecs
import io
import sys

NAME = "metabench-plain"  # of the handler
PLAIN = {
    "±": "+-", "×": "x", "…": "...", "–": "-", "—": "-", "−": "-", "‖": "||", "→": "->",
    "‘": "'", "’": "'", "“": '"', "”": '"', "•": "*", "·": "*", "²": "^2", "≤": "<=", "≥": ">=",
}  # fmt: skip


def make_plain() -> None:
    """Write characters that an encoding lacks in others, instead of ending in an error."""
    codecs.register_error(NAME, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=NAME)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """`±` as `+-`, and what has no such form by its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    written = (PLAIN.get(one) or one.encode("ascii", "backslashreplace").decode() for one in found)
    return "".join(written), error.end
