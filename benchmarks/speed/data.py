"""Preparing and loading data, and episodes of 84×84 RGB images.

Preparing is timed on a folder of JPEGs that is made here (from files to published arrays,
checksums and flushing to disk included) and on every dataset whose archives lie on this
machine. Loading is a memory map; the first episode is timed in a process of its own, from
loading to an episode on the device, compilation included and imports not. These have no
rival in PyTorch, whose few-shot codes decode at each start.

Episodes are drawn from as many images as mini-ImageNet's test part has, 20 classes of 600.
The time has everything from the random words to uint8 images where the learner needs them:
the table lies on the device, so that on an accelerator nothing is left to transfer. Both
sides as in `sampling`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.speed import sampling
from metabench import data, registry
from metabench.types import EpisodeShape

CLASSES, EACH, SIDE = 20, 100, 84
LOADS, STARTS = 50, 3
FIRST = """
import sys, time
import jax
from metabench import data, registry
from metabench.seeds import root_key
from metabench.tasks.class_table import class_table, find_split
from metabench.tasks.episodes import sample
from metabench.types import EpisodeShape
spec = registry.dataset(sys.argv[1])
jax.block_until_ready(jax.numpy.zeros(1))
began = time.perf_counter()
found = data.load(spec, cache=sys.argv[2])
table = class_table(found, find_split(found, None), "test")
shape = EpisodeShape(5 if len(table.counts) >= 5 else 2, 1, 15, found.images.shape[1:])
jax.block_until_ready(sample(root_key(0), 0, table, shape))
print(time.perf_counter() - began)
"""


def measure(turns: int = 9) -> dict:
    """Rates of preparing, times of loading, and ratios for drawing episodes."""
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as place:
        name = f"folder:{_jpegs(Path(place) / 'jpegs')}"
        for dataset in (name, *filter(_here, registry.names("datasets"))):
            spec = registry.dataset(dataset)
            cache = Path(place) / "cache"
            began = time.perf_counter()
            loaded = data.load_or_prepare(spec, cache=cache, progress=False)
            seconds = time.perf_counter() - began
            images = len(loaded.images)
            found[f"prepare {spec.name}"] = {"images/s": images / seconds, "s": seconds}
            found[f"load {spec.name}"] = {"ms": _load_ms(spec, cache)}
            found[f"first episode {spec.name}"] = {"s": _first_episode(dataset, cache)}
    for shot in (1, 5):
        shape = EpisodeShape(5, shot, 15, (SIDE, SIDE, 3))
        work = sampling.Work(20, 600, shape, 256, {"episodes": 16})
        rows = sampling.measure(turns, work)
        found |= {f"{row} 84×84×3 5-way {shot}-shot": figures for row, figures in rows.items()}
    return found


def _here(name: str) -> bool:
    """Whether a dataset's archives lie on this machine: a download is not what is timed."""
    spec = registry.dataset(name)
    offline = tuple(one._replace(url="http://127.0.0.1:9/") for one in spec.archives)
    with tempfile.TemporaryDirectory() as empty:
        found = data.is_available(spec._replace(archives=offline), cache=empty)
    return bool(spec.archives) and found


def _jpegs(root: Path) -> Path:
    """A folder of smooth noise, whose JPEGs are as large as those of photographs."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for label in range(CLASSES):
        folder = root / f"class{label:02d}"
        folder.mkdir(parents=True)
        for number in range(EACH):
            coarse = rng.integers(0, 256, (21, 21, 3), np.uint8)
            image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            image.save(folder / f"{number:03d}.jpg", quality=90)
    return root


def _load_ms(spec, cache: Path) -> float:
    times = []
    for _ in range(LOADS):
        began = time.perf_counter()
        data.load(spec, cache=cache)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def _first_episode(dataset: str, cache: Path) -> float:
    command = [sys.executable, "-c", FIRST, dataset, str(cache)]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(STARTS)
    ]
    return statistics.median(float(run.stdout) for run in runs)
