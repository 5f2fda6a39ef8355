"""Semantic pre-training: F learns to land where z W_base tells an example's base labels."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from desire_edge.models import Extractor
from desire_edge.training.config import ExtractorConfig


def pretrain_epoch(
    extractor: Extractor,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    targets: Tensor,
    w_base: Tensor,
    config: ExtractorConfig,
    *,
    epoch: int,
    seed: int,
) -> float:
    """One pass over the rows; returns the mean loss (the mean over base labels of binary cross-entropies).

    Args:
        extractor: F, changed in place; mixed precision (bfloat16) on CUDA.
        optimizer: over F's parameters.
        x: [rows, features].
        targets: [rows, B] bool.
        w_base: [d, B], fixed.
        config: batch size, epochs and learning rate (warmed up over a tenth of training, then a cosine to zero).
        epoch: counted from 0; with `seed` it fixes order and dropout, so a resumed run repeats an unbroken one.
        seed: the run's seed.
    """
    torch.manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(len(x)).to(x.device)
    batches = math.ceil(len(x) / config.batch)
    extractor.train()
    total = torch.zeros((), device=x.device)
    for index in range(batches):
        progress = (epoch + index / batches) / config.epochs
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule(progress, warm_up=0.1)
        rows = order[index * config.batch : (index + 1) * config.batch]
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type == "cuda"):
            logits = extractor(x[rows]) @ w_base
        loss = F.binary_cross_entropy_with_logits(logits.float(), targets[rows].float())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach() * len(rows)
    return float(total) / len(x)


def schedule(progress: float, warm_up: float = 0.0) -> float:
    """The learning rate's factor at `progress` in [0, 1]: linear warm-up, then half a cosine down to zero."""
    if progress < warm_up:
        return 0.04 + 0.96 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


@torch.no_grad()
def extract(extractor: Extractor, x: Tensor, batch: int = 4096) -> Tensor:
    """z [rows, d] of all rows x [rows, features], without dropout."""
    extractor.eval()
    return torch.cat([extractor(part) for part in torch.split(x, batch)])
