"""Compiled programs are kept in the cache: the next run of the same kind begins at once."""

from __future__ import annotations

import hashlib
import os
import platform
import warnings
from pathlib import Path

import jax

from metabench.files import cache

OPTION = "jax_compilation_cache_dir"
FOLDER = "programs"
DAMAGED = "Error (reading|writing) persistent compilation cache entry"  # how the warning begins


def keep() -> None:
    """Tell JAX where. A folder that the user chose stands; without a writable one none is kept.

    What cannot be read there is compiled again, without a warning.
    """
    warnings.filterwarnings("ignore", DAMAGED)
    folder = cache.root() / FOLDER / processor()
    if getattr(jax.config, OPTION) is None and _writable(folder):
        jax.config.update(OPTION, str(folder))


def processor() -> str:
    """A name for what this machine's processor can do: programs for another may not run on it."""
    said = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    said += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _writable(folder: Path) -> bool:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return there.is_dir() and os.access(there, os.W_OK)
