"""Dropout from a pool of ready-made masks.

On a CPU, drawing a fresh Bernoulli mask for every activation cost a tenth of a training step here
(`aten::bernoulli_`, one thread).  A mask cut at a random place out of a long pool is as good for
regularisation and costs one multiplication.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOL = 1 << 23  # mask values; four bytes each
REFRESH = 1000  # uses of the pool before it is drawn anew


class PooledDropout(nn.Module):
    """Drops each activation with probability ``p`` while training (inverted dropout)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._pool: Tensor | None = None
        self._uses = 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        size = x.numel()
        if size >= POOL:
            return nn.functional.dropout(x, self.p, True)
        if self._pool is None or self._uses >= REFRESH:
            self._pool = torch.empty(POOL).bernoulli_(1 - self.p).div_(1 - self.p)
            self._uses = 0
        self._uses += 1
        at = int(torch.randint(POOL - size, (1,)))
        return x * self._pool[at : at + size].view_as(x)


def pool_dropout(module: nn.Module) -> None:
    """Puts pooled dropout in the place of every nn.Dropout inside ``module``; those of one rate
    share a pool."""
    shared: dict[float, PooledDropout] = {}
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(parent, name, shared.setdefault(child.p, PooledDropout(child.p)))
