"""Meta-training the LSTM optimizer on the MNIST perceptron: 20 steps, back through them, Adam.

Ours is `metabench optimize train`, minibatches drawn included; PyTorch's side is eager, as public
codes are. Both go back through the LSTM for all 15,910 coordinates and take the optimizee's
gradients as constants. A second row is ours as the recipe has it, where the gradient is an
unbiased estimate from 2,048 coordinates of each array: less work, for the same purpose.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.speed.torch_lstm_optimizer import LstmOptimizer, loss_of
from benchmarks.speed.turns import in_turns
from metabench.compute.devices import copied
from metabench.learned_optimizers.lstm.meta_step import first_state
from metabench.learned_optimizers.problems import images
from metabench.learned_optimizers.problems.mlp import mlp
from metabench.seeds import root_key
from metabench.tracks.optimizers.meta_training import (
    make_chunk,
    meta_optimizer_of,
    meta_training_devices,
    rule_of,
)
from metabench.tracks.optimizers.plan import LstmPlan

COUNT, STEPS, COORDINATES = 10_000, 20, 2048


def measure(turns: int = 7) -> dict:
    """The ratio of PyTorch's time to ours, and meta-training steps a second."""
    theirs, figures = _theirs(), {}
    for name, most in (("optimizer", None), ("optimizer, estimated", COORDINATES)):
        row = in_turns(_ours(most), theirs, turns)
        figures[name] = {**row, "episodes_per_s": 1 / row["ours_s"], "unit": "meta-steps"}
    return figures


def _pixels() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (COUNT, 28, 28, 1), np.uint8)
    return pixels, np.sort(random.integers(0, 10, COUNT))


def _ours(most: int | None) -> Callable[[], object]:
    optimizee = mlp(images.of(*_pixels()), "")
    plan = LstmPlan(horizon=STEPS, truncation=STEPS, coordinates=most)
    first = first_state(
        optimizee, rule_of(plan), meta_optimizer_of(plan), root_key(0), plan.units, plan.layers
    )
    state, data = copied((first, optimizee.data), meta_training_devices(optimizee, plan))
    chunk = make_chunk(optimizee, plan)

    def run() -> None:
        nonlocal state
        state, metrics = chunk(state, data, root_key(0), jnp.int32(0), 1)
        jax.block_until_ready(metrics)

    return run


def _theirs() -> Callable[[], object]:
    torch.manual_seed(0)
    pixels, labels = _pixels()
    grey = torch.tensor(pixels).view(COUNT, -1).float() / 255
    labels = torch.tensor(labels)
    net = LstmOptimizer(20)
    adam = torch.optim.Adam(net.parameters(), 3e-3)

    def run() -> None:
        theta = 0.01 * torch.randn(15_910)
        theta.requires_grad_(True)
        state, total, gradient = net.blank(15_910), 0.0, None
        for step in range(STEPS + 1):
            if step:
                update, state = net(gradient, state)
                theta = theta + update
            rows = torch.randint(COUNT, (images.BATCH,))
            loss = loss_of(theta, grey[rows], labels[rows])
            (gradient,) = torch.autograd.grad(loss, theta, retain_graph=bool(step))
            gradient = gradient.detach()
            total = total + loss if step else total
        adam.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()

    return run
