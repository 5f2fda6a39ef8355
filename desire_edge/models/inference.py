"""Eq. (1): semantic inference from an example's features to the logits of labels never seen in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from desire_edge.models.norm import smooth_normalize


class SemanticInference(nn.Module):
    """The inference head of DESIRE-Net (Wang et al., AAAI 2021, Eq. 1).

        I(z) = ( γ1 · W_Z(z)/‖W_Z(z)‖  +  γ2 · (z W_base)/‖z W_base‖ · W_I ) W_novel

    What is meta-learned, θ: `w1` [d, h], `b1` [h], `w2` [h, d], `b2` [d] (together W_Z), `w_i` [B, d], `gamma1` and
    `gamma2` (scalars). `w_base` [d, B] holds the base labels' word vectors, or what pre-training made of them, and is
    not changed here.
    """

    w_base: Tensor

    def __init__(self, w_base: Tensor, hidden: int) -> None:
        super().__init__()
        dimension = len(w_base)
        first, second = nn.Linear(dimension, hidden), nn.Linear(hidden, dimension)
        self.w1 = nn.Parameter(first.weight.detach().T.clone())
        self.b1 = nn.Parameter(first.bias.detach().clone())
        self.w2 = nn.Parameter(second.weight.detach().T.clone())
        self.b2 = nn.Parameter(second.bias.detach().clone())
        # Base label b starts by voting for the labels whose vectors resemble its own.
        self.w_i = nn.Parameter(w_base.T / w_base.norm() ** 2 * dimension**0.5)
        self.gamma1 = nn.Parameter(torch.ones(()))
        self.gamma2 = nn.Parameter(torch.ones(()))
        self.register_buffer("w_base", w_base.clone())

    def transform(self, z: Tensor) -> Tensor:
        """W_Z: z [..., d] -> [..., d]; Linear, ReLU, Linear."""
        return torch.relu(z @ self.w1 + self.b1) @ self.w2 + self.b2

    def base_scores(
        self, z: Tensor, base_mask: Tensor | None = None, known_labels: Tensor | None = None
    ) -> Tensor:
        """(z W_base)/‖z W_base‖: z [..., S, d] -> [..., S, B].

        `base_mask` [..., B] zeroes the labels that an episode plays as novel *before* the norm is taken: after it,
        their scores would leak through the norm. `known_labels` [..., S, B] in {0, 1} are the base labels that an
        example is known to carry: they stand in for its z W_base, unless there is none.
        """
        scores = z @ self.w_base
        if known_labels is not None:
            if base_mask is not None:
                known_labels = known_labels * base_mask[..., None, :]
            scores = torch.where(known_labels.any(dim=-1, keepdim=True), known_labels, scores)
        if base_mask is not None:
            scores = scores * base_mask[..., None, :]
        return smooth_normalize(scores)

    def forward(
        self,
        z: Tensor,
        w_novel: Tensor,
        base_mask: Tensor | None = None,
        known_labels: Tensor | None = None,
    ) -> Tensor:
        """z [..., S, d] and w_novel [..., d, N] -> logits [..., S, N], without adaptation."""
        transformed = self.gamma1 * smooth_normalize(self.transform(z))
        inferred = self.gamma2 * self.base_scores(z, base_mask, known_labels) @ self.w_i
        return (transformed + inferred) @ w_novel
