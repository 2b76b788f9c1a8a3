"""Training with images in a memory map on the host, beside training with images on the device.

Prototypical Networks on 5-way 1-shot episodes, four in a step, from 20,000 images. The file was
just written, so that the system holds it in memory; the first reading from a disk is not measured.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metabench.compute.devices import copied
from metabench.learners.metric.protonet import protonet
from metabench.seeds import root_key
from metabench.tasks.host_images import HostImages
from metabench.training.fed import make_fed_chunk
from metabench.training.meta_training import initial_state, make_chunk
from metabench.training.spreading import training_devices
from metabench.types import ClassTable, EpisodeShape

CLASSES, EACH, BATCH, STEPS = 1000, 20, 4, 5
ROWS = {"28 px": ((28, 28, 1), 64), "84 px, colours": ((84, 84, 3), 16)}


def measure(turns: int = 5) -> dict:
    """Steps a second of both, and the part of the time that images on the host cost."""
    found = {}
    for name, (image, width) in ROWS.items():
        with tempfile.TemporaryDirectory() as folder:
            resident, mapped = _seconds(image, width, Path(folder) / "images.npy", turns)
        found[f"host_data, {name}"] = {
            "steps/s on the device": STEPS / resident,
            "steps/s from the host": STEPS / mapped,
            "% lost": 100 * (1 - resident / mapped),
        }
    return found


def _seconds(image: tuple, width: int, path: Path, turns: int) -> tuple[float, float]:
    """The least seconds of `STEPS` steps, with images on the device and on the host."""
    shape = EpisodeShape(way=5, shot=1, query=15, image=image)
    learner = protonet(shape, width=width)
    images = np.random.default_rng(0).integers(0, 256, (CLASSES * EACH, *image), np.uint8)
    np.save(path, images)
    table = ClassTable(
        images=jnp.asarray(images),
        members=jnp.arange(len(images), dtype=jnp.int32).reshape(CLASSES, EACH),
        counts=jnp.full(CLASSES, EACH, jnp.int32),
        class_ids=jnp.arange(CLASSES, dtype=jnp.int32),
    )
    there: Any = HostImages(np.load(path, mmap_mode="r"), np.arange(len(images)))
    devices = training_devices(learner, BATCH)
    works = [
        partial(_steps, make_chunk(learner, shape, BATCH), learner, devices, table),
        partial(
            _steps, make_fed_chunk(learner, shape, BATCH), learner, devices,
            table._replace(images=there),
        ),
    ]  # fmt: skip
    for work in works:
        work()  # compiles
    times = [[work() for work in works] for _ in range(turns)]
    resident, mapped = np.min(times, axis=0)
    return float(resident), float(mapped)


def _steps(
    chunk: Callable[..., Any], learner: Any, devices: list[jax.Device], table: ClassTable
) -> float:
    state, table = copied((initial_state(learner, 0), table), devices)
    jax.block_until_ready((state, table))
    began = time.perf_counter()
    jax.block_until_ready(chunk(state, table, root_key(0), jnp.int32(0), STEPS))
    return time.perf_counter() - began
