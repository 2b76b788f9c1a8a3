"""Prototypes over a small network in PyTorch, which is meta-trained there by SGD with momentum.

    metabench run --learner examples/on_host/with_torch.py:prototypes --dataset strokes

What training changes is in the state, as NumPy arrays: so metabench can store it and replay it.
"""

import itertools
from typing import Annotated

import numpy as np
import torch
from torch.nn import functional

from metabench import POSITIVE, AtLeast, EpisodeLearner, EpisodeShape, on_host


def prototypes(
    shape: EpisodeShape,
    *,
    width: Annotated[int, AtLeast(1)] = 64,
    learning_rate: Annotated[float, POSITIVE] = 0.05,
    momentum: float = 0.9,
) -> EpisodeLearner:
    """Nearest class means of the outputs of a network with one hidden layer."""
    height, pixels_wide, channels = shape.image
    sizes = (height * pixels_wide * channels, width, width)

    def first(rng):
        pairs = itertools.pairwise(sizes)
        params = [rng.normal(0, (2 / a) ** 0.5, (a, b)).astype(np.float32) for a, b in pairs]
        return {"params": params, "velocity": [np.zeros_like(one) for one in params]}

    def scores(params, support_x, support_y, query_x):
        def embed(images):
            flat = torch.from_numpy(images.reshape(len(images), -1) / np.float32(255))
            return torch.relu(flat @ params[0]) @ params[1]

        member = functional.one_hot(torch.from_numpy(support_y).long(), shape.way).float().T
        means = member @ embed(support_x) / member.sum(1, keepdim=True)
        return -((embed(query_x)[:, None] - means[None]) ** 2).mean(-1)

    def classify(state, support_x, support_y, query_x):
        with torch.no_grad():
            params = [torch.from_numpy(one) for one in state["params"]]
            return scores(params, support_x, support_y, query_x).numpy()

    def step(state, episodes, rng):
        params = [torch.from_numpy(one).clone().requires_grad_() for one in state["params"]]
        losses, right = [], []
        for support_x, support_y, query_x, query_y in zip(
            episodes.support_x, episodes.support_y, episodes.query_x, episodes.query_y, strict=True
        ):
            found = scores(params, support_x, support_y, query_x)
            wanted = torch.from_numpy(query_y).long()
            losses.append(functional.cross_entropy(found, wanted))
            right.append((found.argmax(1) == wanted).float().mean())
        loss = torch.stack(losses).mean()
        gradients = torch.autograd.grad(loss, params)
        velocity = [
            momentum * before + gradient.numpy()
            for before, gradient in zip(state["velocity"], gradients, strict=True)
        ]
        moved = [
            one - learning_rate * change
            for one, change in zip(state["params"], velocity, strict=True)
        ]
        said = {"loss": loss.item(), "accuracy": torch.stack(right).mean().item()}
        return {"params": moved, "velocity": velocity}, said

    return on_host(shape, classify, first=first, step=step, batch=4)
