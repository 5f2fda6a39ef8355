"""DESIRE-Net without the semantic pre-training of its feature extractor."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from desire_edge.baselines.desire import DesireNet
from desire_edge.models import Extractor
from desire_edge.training.config import ExtractorConfig
from desire_edge.training.pretrain import pretrain_epoch


class NoSemanticPretraining(DesireNet):
    r"""DESIRE-Net\F (Wang et al., AAAI 2021): "without the semantic pre-training of the feature extractor".

    Removed is what is semantic in F's pre-training, the fixed word vectors W_base: F is pre-trained on the same rows
    and base labels, but through a linear layer that is learned with it, so z means nothing to word vectors.
    `pretrain_plainly` makes that F, whose features this class is then given; head and meta-training are DESIRE-Net's.
    The other reading, not to pre-train F at all, would remove more than the semantics.
    """


def pretrain_plainly(
    extractor: Extractor, x: Tensor, targets: Tensor, config: ExtractorConfig, *, seed: int
) -> list[float]:
    """Pre-train F to base labels through a learned linear layer [d, B] in place of W_base; the loss of each epoch.

    Args:
        extractor: F, changed in place.
        x: [rows, features], on F's device.
        targets: [rows, B] bool.
        config: as for the semantic pre-training.
        seed: of the linear layer's start, the order of rows and dropout.
    """
    with torch.no_grad():
        dimension = extractor(x[:1]).shape[-1]
    generator = torch.Generator().manual_seed(seed)
    start = (2 * torch.rand(dimension, targets.shape[1], generator=generator) - 1) / math.sqrt(dimension)
    classifier = nn.Parameter(start.to(x))
    optimizer = torch.optim.AdamW(
        [*extractor.parameters(), classifier], lr=config.learning_rate, weight_decay=config.weight_decay
    )
    return [
        pretrain_epoch(extractor, optimizer, x, targets, classifier, config, epoch=epoch, seed=seed)
        for epoch in range(config.epochs)
    ]
