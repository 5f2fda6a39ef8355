"""DESIRE-Net on a feature extractor whose pre-training knows no word vectors."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from desire_edge.baselines.desire import DesireNet
from desire_edge.models import Extractor
from desire_edge.training.classifier import Classifier


class PlainPretraining(DesireNet):
    """A look behind `NoPretraining`, and no row of the paper: of F's pre-training only what is semantic is removed.

    F is pre-trained on the same rows and base labels, but through a linear layer that is learned with it, in place of
    the fixed word vectors W_base, so z means nothing to word vectors. `plain_classifier` is what F is trained in, whose
    features this class is then given; head and meta-training are those of DESIRE-Net.
    """

    FEATURES = "plain"


def plain_classifier(extractor: Extractor, targets: Tensor, *, bias: bool, seed: int) -> Classifier:
    """F with a learned linear layer [d, B] in place of W_base, started by `seed`; for `pretrain`.

    Args:
        extractor: F.
        targets: [rows, B] bool, on F's device.
        bias: as of `Classifier`.
        seed: of the linear layer's start.
    """
    dimension = extractor.dimension
    generator = torch.Generator().manual_seed(seed)
    start = (2 * torch.rand(dimension, targets.shape[1], generator=generator) - 1) / math.sqrt(dimension)
    return Classifier(extractor, nn.Parameter(start.to(targets.device)), targets, bias=bias)
