"""The Neural Statistician with the small networks in PyTorch, as its public codes write it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.speed.torch_conv4 import _block


class Dense(nn.Sequential):
    """Linear, batch norm over all axes but the last, ELU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ELU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., inputs] to [..., outputs]."""
        return super().forward(x.flatten(0, -2)).view(*x.shape[:-1], -1)


class Conditional(nn.Module):
    """A Gaussian over z given some vectors."""

    def __init__(self, sizes: tuple[int, ...], hidden: int, latent: int) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(nn.Linear(size, hidden) for size in sizes)
        self.layers = nn.Sequential(Dense(hidden, hidden), Dense(hidden, hidden))
        self.head = nn.Linear(hidden, 2 * latent)

    def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Mean and log variance."""
        first = F.elu(sum(one(x) for one, x in zip(self.inputs, given, strict=True)))
        return self.head(first + self.layers(first)).chunk(2, -1)


class Statistician(nn.Module):
    """One layer of z, images of 28×28."""

    def __init__(self, width: int, hidden: int, context: int, latent: int) -> None:
        super().__init__()
        blocks = [_block(inputs, width) for inputs in (1, width, width)]
        self.encoder = nn.Sequential(*blocks, nn.Flatten())
        features = 9 * width
        self.before = Dense(features, hidden)
        self.after = nn.Sequential(Dense(hidden + 1, hidden), Dense(hidden, hidden))
        self.head = nn.Linear(hidden, 2 * context)
        self.prior = Conditional((context,), hidden, latent)
        self.posterior = Conditional((context, features), hidden, latent)
        self.from_context = nn.Linear(context, 8 * width)
        self.from_latent = nn.Linear(latent, 8 * width)
        self.dense = nn.Sequential(
            nn.BatchNorm1d(8 * width), nn.ELU(),
            Dense(8 * width, 8 * width), Dense(8 * width, 8 * width),
            nn.Linear(8 * width, 49 * width, bias=False),
        )  # fmt: skip
        self.pixels = nn.Sequential(
            nn.BatchNorm2d(width), nn.ELU(),
            nn.ConvTranspose2d(width, width, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ELU(),
            nn.ConvTranspose2d(width, 1, 2, 2),
        )  # fmt: skip
        self.width = width

    def forward(self, x: torch.Tensor, stay: torch.Tensor, alpha: float) -> torch.Tensor:
        """The annealed loss of sets [sets, members, 1, 28, 28] of which `stay` [sets, members]."""
        sets, members = stay.shape
        h = self.encoder(x.flatten(0, 1)).view(sets, members, -1)
        count = stay.sum(1, keepdim=True)
        mean = (self.before(h) * stay[:, :, None]).sum(1) / count
        q_c = self.head(self.after(torch.cat([mean, count], 1))).chunk(2, -1)
        c = _draw(q_c)[:, None]
        q_z, p_z = self.posterior(c, h), self.prior(c)
        z = _draw(q_z)
        y = self.dense((self.from_context(c) + self.from_latent(z)).flatten(0, 1))
        logits = self.pixels(y.view(-1, self.width, 7, 7)).view(x.shape)
        likelihood = -F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        zero = torch.zeros_like(q_c[0])
        divergence = _kl(q_z, p_z) + _kl(q_c, (zero, zero))
        return -((1 + alpha) * likelihood - divergence / (1 + alpha)) / (sets * members)


def _draw(gaussian: tuple[torch.Tensor, ...]) -> torch.Tensor:
    mean, log_var = gaussian
    return mean + (0.5 * log_var).exp() * torch.randn_like(mean)


def _kl(q: tuple[torch.Tensor, ...], p: tuple[torch.Tensor, ...]) -> torch.Tensor:
    apart = ((q[1] - p[1]).exp() + (q[0] - p[0]).square() * (-p[1]).exp()) - 1 + p[1] - q[1]
    return 0.5 * apart.sum()
