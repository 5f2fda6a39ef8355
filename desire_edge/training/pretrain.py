"""Semantic pre-training: F learns to land where z W_base tells an example's base labels."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from desire_edge.models import Extractor
from desire_edge.training.config import ExtractorConfig


class Classifier(nn.Module):
    """What F is pre-trained with: x -> z W + b, the logits of the base labels.

    Args:
        extractor: F.
        weights: W [d, B]; fixed word vectors W_base, or a parameter to learn.
        targets: [rows, B] bool, the training rows'; b starts at the log odds of each label's share of them.
        bias: whether b is learned; else it is zero, as in the paper. With it, z W_base is what an example says of a
            label beyond the label's frequency.
    """

    weights: Tensor

    def __init__(self, extractor: Extractor, weights: Tensor, targets: Tensor, *, bias: bool) -> None:
        super().__init__()
        self.extractor = extractor
        if isinstance(weights, nn.Parameter):
            self.weights = weights
        else:
            self.register_buffer("weights", weights, persistent=False)
        least = 0.5 / max(1, len(targets))
        odds = torch.logit(targets.float().mean(dim=0).clamp(least, 1 - least))
        self.bias = nn.Parameter(odds if bias else torch.zeros_like(odds), requires_grad=bias)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, features] -> [batch, B]."""
        logits: Tensor = self.extractor(x) @ self.weights + self.bias
        return logits

    def optimizer(self, config: ExtractorConfig) -> torch.optim.Optimizer:
        """AdamW over all that is learned; the schedule sets its learning rate."""
        return torch.optim.AdamW(
            [parameter for parameter in self.parameters() if parameter.requires_grad],
            weight_decay=config.weight_decay,
            fused=True,  # one pass over the weights a step: four times faster on a CPU
        )


def pretrain(
    classifier: Classifier, x: Tensor, targets: Tensor, config: ExtractorConfig, *, seed: int
) -> list[float]:
    """Pre-train from the first epoch to the last; returns the loss of each. Arguments as of `pretrain_epoch`."""
    optimizer = classifier.optimizer(config)
    return [
        pretrain_epoch(classifier, optimizer, x, targets, config, epoch=epoch, seed=seed)
        for epoch in range(config.epochs)
    ]


def pretrain_epoch(
    classifier: Classifier,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
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
        x: [rows, features].
        targets: [rows, B] bool.
        config: batch size, epochs and learning rate (warmed up over a tenth of training, then a cosine to zero).
        epoch: counted from 0; with `seed` it fixes order and dropout, so a resumed run repeats an unbroken one.
        seed: the run's seed.
    """
    torch.manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(len(x)).to(x.device)
    batches = math.ceil(len(x) / config.batch)
    classifier.train()
    total = torch.zeros((), device=x.device)
    for index in range(batches):
        progress = (epoch + index / batches) / config.epochs
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule(progress, warm_up=0.1)
        rows = order[index * config.batch : (index + 1) * config.batch]
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type == "cuda"):
            logits = classifier(x[rows])
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
