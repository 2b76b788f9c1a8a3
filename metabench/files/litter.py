"""What systems leave in users' folders and archives, and nobody means."""

from __future__ import annotations

from pathlib import PurePath

LEFT = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})  # lower case


def is_litter(path: str | PurePath) -> bool:
    """Whether a file or folder is passed over: hidden, or left by macOS or Windows.

    Args:
        path: a name, or a path within a folder or an archive; it is litter if any part of it is.
    """
    parts = PurePath(path).parts
    return any((part.startswith(".") and part != "..") or part.lower() in LEFT for part in parts)
