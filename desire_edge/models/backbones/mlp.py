"""A multi-layer perceptron, over word counts or any other vector."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from desire_edge.models.backbones.backbone import Backbone
from desire_edge.models.norm import smooth_normalize


class Mlp(Backbone):
    """Linear-ReLU-Dropout for each size in `hidden`.

    `embedding` [features, e], where given, is a fixed first layer: x says which words a text holds, x @ embedding sums
    their word vectors, and the sum is brought to length √e. Words that no training text holds then still mean
    something.

    `mean` [features], where given, is what x are before: features of a frozen backbone. It is taken away, and the rest
    brought to length √features.

    `input_dropout` is the share of x's entries set to 0 in training: another reading of a page that has few words. The
    rest is not scaled up, for x says which words are there.
    """

    embedding: Tensor | None
    mean: Tensor | None

    def __init__(
        self,
        features: int,
        hidden: Sequence[int],
        dropout: float,
        embedding: Tensor | None = None,
        *,
        input_dropout: float = 0.0,
        mean: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("embedding", embedding)
        self.register_buffer("mean", mean)
        self.features = features
        self.input_dropout = input_dropout
        widths = [features if embedding is None else embedding.shape[1], *hidden]
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.width = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, features] float32 -> [batch, `width`] float32."""
        if self.training and self.input_dropout:
            x = x * (torch.rand_like(x) >= self.input_dropout)
        if self.embedding is not None:
            x = smooth_normalize(x @ self.embedding) * self.embedding.shape[1] ** 0.5
        if self.mean is not None:
            x = smooth_normalize(x - self.mean) * len(self.mean) ** 0.5
        hidden: Tensor = self.layers(x)
        return hidden
