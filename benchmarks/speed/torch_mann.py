"""MANN's forward pass in PyTorch, as its public codes write it: a loop over steps, in batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

ROWS, WIDTH, HEADS, UNITS, DECAY = 128, 40, 4, 200, 0.95


class Mann(nn.Module):
    """LSTM controller, least-recently-used access, answers at every step."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(inputs + HEADS * WIDTH, UNITS)
        self.interface = nn.Linear(UNITS, HEADS * WIDTH + HEADS)
        self.out = nn.Linear(UNITS + HEADS * WIDTH, outputs)

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        """[steps, batch, inputs] to logits [steps, batch, outputs]."""
        batch = xs.shape[1]
        memory = torch.full((batch, ROWS, WIDTH), 1e-6)
        read, usage = torch.zeros(batch, HEADS, ROWS), torch.zeros(batch, ROWS)
        seen, hidden = torch.zeros(batch, HEADS * WIDTH), torch.zeros(batch, UNITS)
        cell, found = torch.zeros(batch, UNITS), []
        for x in xs:
            hidden, cell = self.cell(torch.cat([x, seen], 1), (hidden, cell))
            emitted = self.interface(hidden)
            keys = emitted[:, : HEADS * WIDTH].tanh().view(batch, HEADS, WIDTH)
            share = emitted[:, HEADS * WIDTH :].sigmoid().unsqueeze(-1)
            least = usage.topk(HEADS, largest=False).indices
            rows = torch.zeros(batch, ROWS).scatter_(1, least, 1.0)
            wiped = torch.zeros(batch, ROWS).scatter_(1, least[:, :1], 1.0)
            written = share * read + (1 - share) * rows[:, None]
            memory = memory * (1 - wiped)[:, :, None] + written.transpose(1, 2) @ keys
            unit = F.normalize(memory, dim=-1, eps=1e-4)
            read = (F.normalize(keys, dim=-1) @ unit.transpose(1, 2)).softmax(-1)
            usage = (DECAY * usage + read.sum(1) + written.sum(1)).detach()
            seen = (read @ memory).flatten(1)
            found.append(torch.cat([hidden, seen], 1))
        return self.out(torch.stack(found))
