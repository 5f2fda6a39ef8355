"""Semantic pre-training: F learns to land where z W_base tells an example's base labels."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.training.classifier import Classifier
from desire_edge.training.config import ExtractorConfig
from desire_edge.training.schedule import schedule


def pretrain(
    classifier: Classifier,
    x: NDArray[np.float32],
    rows: NDArray[np.int64],
    targets: Tensor,
    config: ExtractorConfig,
    *,
    seed: int,
) -> list[float]:
    """Pre-train from the first epoch to the last; returns the loss of each. Arguments as of `pretrain_epoch`."""
    optimizer = classifier.optimizer(config)
    return [
        pretrain_epoch(classifier, optimizer, x, rows, targets, config, epoch=epoch, seed=seed)
        for epoch in range(config.epochs)
    ]


def pretrain_epoch(
    classifier: Classifier,
    optimizer: torch.optim.Optimizer,
    x: NDArray[np.float32],
    rows: NDArray[np.int64],
    targets: Tensor,
    config: ExtractorConfig,
    *,
    epoch: int,
    seed: int,
) -> float:
    """One pass over the rows; returns the mean loss (the mean over base labels of binary cross-entropies).

    Args:
        classifier: F with its base labels, changed in place; mixed precision (bfloat16) on CUDA.
        optimizer: over its parameters.
        x: [n, features], of which a batch at a time goes to the device of `targets`.
        rows: [rows] the rows of x that F sees.
        targets: [rows, B] bool, theirs.
        config: batch size, epochs and learning rate (warmed up over a tenth of training, then a cosine to zero).
        epoch: counted from 0; with `seed` it fixes order and dropout, so a resumed run repeats an unbroken one.
        seed: the run's seed.
    """
    torch.manual_seed(seed * 100_003 + epoch)
    order, device = torch.randperm(len(rows)), targets.device
    batches = math.ceil(len(rows) / config.batch)
    classifier.train()
    total = torch.zeros((), device=device)
    for index in range(batches):
        progress = (epoch + index / batches) / config.epochs
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule(progress, warm_up=0.1)
        batch = order[index * config.batch : (index + 1) * config.batch]
        inputs = torch.from_numpy(x[rows[batch.numpy()]]).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = classifier(inputs)
        loss = F.binary_cross_entropy_with_logits(logits.float(), targets[batch.to(device)].float())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach() * len(batch)
    return float(total) / len(rows)
