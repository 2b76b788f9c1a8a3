"""Where a result was measured: packages, device, commit, memory."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("metabench", "jax", "jaxlib", "flax", "optax", "numpy", "pillow")


def describe() -> dict[str, Any]:
    """Package versions, device and commit, as JSON values."""
    from metabench.compute.devices import in_use

    devices = in_use()
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count() or 1,
        "device": {
            "platform": devices[0].platform,
            "kind": devices[0].device_kind,
            "count": len(devices),
        },
        "commit": commit(),
    }


def commit() -> str:
    """The source's commit, with `+` if files differ from it; `unknown` outside a checkout."""
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        tracked = [*git, "ls-files", "--error-unmatch", str(here)]
        subprocess.run(tracked, capture_output=True, check=True)
        # Only files that can change a result count as a difference.
        source = here.parents[2]
        paths = [
            str(path) for path in (source / "metabench", source / "benchmarks") if path.is_dir()
        ]
        status = [*git, "status", "--porcelain", "--", *paths]
        changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.strip() else "")


def peak_memory_mb() -> float:
    """Peak memory so far in MB: of the device if it reports it, else of this process."""
    from metabench.compute.devices import here

    statistics = here()[0].memory_stats() or {}
    if "peak_bytes_in_use" in statistics:
        return statistics["peak_bytes_in_use"] / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
