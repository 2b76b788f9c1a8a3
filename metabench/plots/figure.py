"""A figure as the bytes of a PNG, and as a file that is written whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabench.files.publish import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png(figure: Figure, dpi: int, **options: Any) -> bytes:
    """The bytes of a PNG. `options`: more of those that `Figure.savefig` takes."""
    content = io.BytesIO()
    figure.savefig(content, dpi=dpi, format="png", **options)
    return content.getvalue()


def save(figure: Figure, path: Path, dpi: int, **options: Any) -> None:
    """Write a PNG to `path`, whatever its suffix; `UserError` if that is impossible."""
    write_bytes(path, png(figure, dpi, **options))
