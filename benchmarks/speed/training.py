"""Meta-training speed of a Conv4 on the CPU: JAX inside one `lax.scan` beside eager PyTorch.

    python benchmarks/speed/training.py

Both do the same work in float32: embed the 80 images of a 5-way 1-shot episode with 15 queries,
28x28x1, by four blocks of 64 channels with batch statistics; prototypes, squared distances,
cross-entropy; gradients; Adam. Data are drawn beforehand and not timed. The two alternate, and only
the ratio is worth quoting, and that only from an otherwise idle machine: where threads must wait
for a core, PyTorch's slow down far more than XLA's. About half a minute on two cores.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
import torch.nn.functional as F
from jax import Array

from metabench.nets.fused import conv_norm_relu_pool

WAY, SHOT, QUERIES, SIDE, CHANNELS, BLOCKS = 5, 1, 15, 28, 64, 4
RATE, EPSILON = 1e-3, 1e-5
SUPPORT = WAY * SHOT


def episodes(count: int) -> np.ndarray:
    """Images [count, n, h, w, 1]: the support first, then the queries, class by class."""
    shape = (count, SUPPORT + WAY * QUERIES, SIDE, SIDE, 1)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def kernels() -> list[np.ndarray]:
    """One initialisation [3, 3, c, d] for each block, for both sides."""
    draw = np.random.default_rng(1)
    inputs = [1] + [CHANNELS] * (BLOCKS - 1)
    return [
        (draw.normal(size=(3, 3, c, CHANNELS)) / np.sqrt(9 * c)).astype(np.float32) for c in inputs
    ]


def jax_loss(params: list[dict[str, Array]], images: Array) -> Array:
    """Cross-entropy of the queries on distances to the prototypes."""
    x = images
    for block in params:
        x = conv_norm_relu_pool(x, **block, epsilon=EPSILON).y
    x = x.reshape(x.shape[0], -1)
    prototypes = x[:SUPPORT].reshape(WAY, SHOT, -1).mean(1)
    logits = -((x[SUPPORT:, None] - prototypes[None]) ** 2).sum(-1)
    labels = jnp.arange(WAY).repeat(QUERIES)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def jax_side(images: np.ndarray) -> Callable[[], np.ndarray]:
    """A function that trains one step on each episode, in one compiled chunk: the losses."""
    optimizer = optax.adam(RATE)

    @jax.jit
    def chunk(carry, images):
        def step(carry, images):
            params, state = carry
            loss, gradients = jax.value_and_grad(jax_loss)(params, images)
            updates, state = optimizer.update(gradients, state)
            return (optax.apply_updates(params, updates), state), loss

        return jax.lax.scan(step, carry, images)

    params = [
        {"kernel": jnp.asarray(k), "scale": jnp.ones(CHANNELS), "bias": jnp.zeros(CHANNELS)}
        for k in kernels()
    ]
    carry, batches = (params, optimizer.init(params)), jnp.asarray(images)

    def run() -> np.ndarray:
        nonlocal carry
        carry, losses = chunk(carry, batches)
        return np.asarray(losses)

    return run


def torch_side(images: np.ndarray, layout: torch.memory_format) -> Callable[[], np.ndarray]:
    """The same by eager PyTorch, with images and kernels in the given memory layout."""
    weights = [
        torch.nn.Parameter(torch.tensor(k).permute(3, 2, 0, 1).contiguous(memory_format=layout))
        for k in kernels()
    ]
    norms = [torch.nn.BatchNorm2d(CHANNELS, eps=EPSILON) for _ in weights]
    optimizer = torch.optim.Adam([*weights, *(p for n in norms for p in n.parameters())], lr=RATE)
    labels = torch.arange(WAY).repeat_interleave(QUERIES)
    batches = [torch.tensor(i).permute(0, 3, 1, 2).contiguous(memory_format=layout) for i in images]

    def step(x: torch.Tensor) -> float:
        for weight, norm in zip(weights, norms, strict=True):
            x = F.max_pool2d(F.relu(norm(F.conv2d(x, weight, padding=1))), 2)
        x = x.flatten(1)
        prototypes = x[:SUPPORT].reshape(WAY, SHOT, -1).mean(1)
        logits = -((x[SUPPORT:, None] - prototypes[None]) ** 2).sum(-1)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return lambda: np.asarray([step(batch) for batch in batches])


def measure(turns: int = 15, steps: int = 10) -> dict:
    """Seconds for each step, and PyTorch's time over JAX's, as median, lowest and highest turn.

    PyTorch takes part in both memory layouts; the ratios take the one with the better median.
    `ratio_of_best` divides the two shortest times: what is left when other work is not in the way.
    """
    load = os.getloadavg()[0]
    images = episodes(steps)
    sides = {
        "jax": jax_side(images),
        "torch": torch_side(images, torch.contiguous_format),
        "torch_channels_last": torch_side(images, torch.channels_last),
    }
    losses = {name: float(run()[0]) for name, run in sides.items()}  # also compiles
    found = [{name: _seconds(run) / steps for name, run in sides.items()} for _ in range(turns)]
    times = {name: [turn[name] for turn in found] for name in sides}
    rival = min(list(sides)[1:], key=lambda name: statistics.median(times[name]))
    ours, theirs = times["jax"], times[rival]
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    figures = {
        "ours_s": statistics.median(ours),
        "theirs_s": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "ratio_of_best": min(theirs) / min(ours),
        "episodes_per_s": 1 / statistics.median(ours),
        "rival": rival,
        "threads": torch.get_num_threads(),
        "load_before": load,
        "first_losses": losses,
    }
    return {"training": figures}


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Prints the figures as JSON, then in words."""
    result = measure()
    print(json.dumps(result, indent=2))
    found = result["training"]
    print(
        f"JAX {found['ours_s'] * 1e3:.1f} ms a step, PyTorch {found['theirs_s'] * 1e3:.1f} ms "
        f"({found['rival']}): JAX is {found['ratio']:.2f} times as fast "
        f"({found['ratio_low']:.2f} to {found['ratio_high']:.2f})"
    )
    if found["load_before"] > 1:
        print(f"The machine was busy (load {found['load_before']}): do not quote this ratio.")


if __name__ == "__main__":
    main()
