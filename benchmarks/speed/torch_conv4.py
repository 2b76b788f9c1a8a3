"""Conv4 in PyTorch, as its few-shot codes write it."""

from __future__ import annotations

import time

import torch
from torch import nn


def conv4(width: int = 64) -> nn.Sequential:
    """Four times [3×3 convolution, batch norm, ReLU, 2×2 max pooling], then flat."""
    inputs = (1, width, width, width)
    return nn.Sequential(*[_block(c, width) for c in inputs], nn.Flatten())


def _block(inputs: int, width: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, width, 3, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2))


def fastest_format(net: nn.Module, images: int = 80, repeats: int = 7) -> torch.memory_format:
    """The memory format in which `net` runs forward faster here; `net` is converted to it."""
    best: dict[torch.memory_format, float] = {}
    for form in (torch.contiguous_format, torch.channels_last):
        net.to(memory_format=form)
        x = torch.rand(images, 1, 28, 28).contiguous(memory_format=form)
        seconds = []
        for _ in range(repeats):
            began = time.perf_counter()
            with torch.inference_mode():
                net(x)
            seconds.append(time.perf_counter() - began)
        best[form] = min(seconds)
    fastest = min(best, key=best.__getitem__)
    net.to(memory_format=fastest)
    return fastest
