"""What F is pre-trained with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from desire_edge.models import Extractor
from desire_edge.training.config import ExtractorConfig


class Classifier(nn.Module):
    """F with its base labels: x -> z W + b, their logits.

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
        logits: Tensor = self.extractor.projected(x) @ self.weights + self.bias
        return logits

    def optimizer(self, config: ExtractorConfig) -> torch.optim.Optimizer:
        """AdamW over all that is learned; the schedule sets its learning rate."""
        return torch.optim.AdamW(
            [parameter for parameter in self.parameters() if parameter.requires_grad],
            weight_decay=config.weight_decay,
            fused=True,  # one pass over the weights a step: four times faster on a CPU
        )
