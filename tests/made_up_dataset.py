"""A dataset of six images, made up; importable in the processes that tests start."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from metabench.contracts.dataset import DatasetSpec, Examples, Request
from metabench.types import Split

NAMES = ("a/1", "a/1", "a/2", "a/2", "b/1", "b/1")


def pixels(index: int, size: int) -> np.ndarray:
    """Image number `index`: uint8 [size, size, 1]."""
    return np.arange(index, index + size * size, dtype=np.uint8).reshape(size, size, 1)


def examples(request: Request) -> Examples:
    stream = ((name, pixels(index, request.size)) for index, name in enumerate(NAMES))
    return Examples(len(NAMES), stream, "made up")


SPEC = DatasetSpec(
    name="made-up",
    version="1",
    description="Six images.",
    licence="none",
    citation="none",
    image=(8, 8, 1),
    splits={"only": lambda: Split("only", {"train": ("a/1", "a/2"), "test": ("b/1",)}, 1, "d")},
    default_split="only",
    examples=examples,
)


def counting(calls: Path, seconds: float = 0.0) -> DatasetSpec:
    """SPEC that takes its time and leaves a mark in the file `calls` whenever it is read."""

    def counted(request: Request) -> Examples:
        with calls.open("a") as file:
            file.write("x")
        time.sleep(seconds)
        return examples(request)

    return SPEC._replace(examples=counted)


def dying() -> DatasetSpec:
    """SPEC whose process ends at once, without clean-up, in the middle of the stream."""

    def cut(request: Request) -> Examples:
        whole = examples(request)

        def stream():
            for index, pair in enumerate(whole.stream):
                if index == 3:
                    os._exit(9)
                yield pair

        return Examples(whole.count, stream(), whole.source)

    return SPEC._replace(examples=cut)
