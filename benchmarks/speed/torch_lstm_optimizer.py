"""The coordinatewise LSTM optimizer in PyTorch, as public codes write it: eager, by autograd."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

P, SCALE = 10.0, 0.1


class LstmOptimizer(nn.Module):
    """Two LSTM cells and a linear layer, on all coordinates at once."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.first, self.second = nn.LSTMCell(2, units), nn.LSTMCell(units, units)
        self.out = nn.Linear(units, 1)
        self.units = units

    def blank(self, size: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The state of `size` coordinates before the first step."""
        return [(torch.zeros(size, self.units), torch.zeros(size, self.units)) for _ in range(2)]

    def forward(self, gradient: torch.Tensor, state: list) -> tuple[torch.Tensor, list]:
        """Updates [n] from gradients [n]."""
        size = gradient.abs()
        large = size >= math.exp(-P)
        read = torch.stack(
            [
                torch.where(large, size.clamp(min=1e-30).log() / P, -torch.ones_like(size)),
                torch.where(large, gradient.sign(), math.exp(P) * gradient),
            ],
            1,
        )
        first = self.first(read, state[0])
        second = self.second(first[0], state[1])
        return SCALE * self.out(second[0])[:, 0], [first, second]


def loss_of(theta: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the perceptron with 20 sigmoid units whose parameters are `theta`."""
    first, bias, second, last = theta.split([784 * 20, 20, 200, 10])
    hidden = torch.sigmoid(images @ first.view(784, 20) + bias)
    return F.cross_entropy(hidden @ second.view(20, 10) + last, labels)
