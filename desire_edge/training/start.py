"""A start from the backbone: Eq. (1) in closed form, where features and names' vectors are of one space.

Nothing is pre-trained. F brings a text's features to one length; W_Z is the identity, so that the first term is the
cosine of the example and the label's name; W_base are ridge classifiers of the base labels, and W_I is the map from
their scores to names that ESZSL (Romera-Paredes and Torr, ICML 2015) has in closed form, a prior from base labels.
Meta-training goes on from there.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from desire_edge.models import extract, smooth_normalize
from desire_edge.training.run import Run

LENGTH = 4.0  # ‖z‖
GAMMA1, GAMMA2 = 0.6, 0.5
STEP_SIZES = (0.6, 0.6, 0.3, 0.1, 0.1)  # of W_1, W_2, W_I, γ1, γ2
RIDGE, SCORE_RIDGE, NAME_RIDGE = 1.0, 0.1, 0.3  # each times the mean eigenvalue of what it is added to


@torch.no_grad()
def start_from_backbone(run: Run) -> None:
    """Set F, the base labels' classifiers and the head of `run` to the closed-form start."""
    projection, head = run.extractor.projection, run.learner.head
    width = projection.in_features
    projection.weight.copy_(torch.eye(width) * (LENGTH / math.sqrt(width)))
    projection.bias.zero_()

    rows, base = run.data.rows.train, run.data.split.base
    z = extract(run.extractor, run.data.x[rows]).double().cpu()
    targets = torch.from_numpy(run.data.dataset.targets[np.ix_(rows, base)]).double()
    names = torch.from_numpy(run.data.w[:, base]).double()
    w_base = ridge(z, targets - targets.mean(dim=0), RIDGE)
    scores = smooth_normalize(z @ w_base)
    w_i = ridge(names.T, ridge(scores, targets - targets.mean(dim=0), SCORE_RIDGE).T, NAME_RIDGE).T
    cosines, inferred = smooth_normalize(z) @ names, scores @ w_i @ names
    w_i *= cosines.std() / inferred.std().clamp(min=1e-12)

    identity = torch.eye(width)
    head.w1.copy_(torch.cat([identity, -identity], dim=1))
    head.w2.copy_(torch.cat([identity, -identity]))
    head.b1.zero_()
    head.b2.zero_()
    head.w_i.copy_(w_i)
    head.gamma1.fill_(GAMMA1)
    head.gamma2.fill_(GAMMA2)
    if run.config.meta.learn_step_sizes:
        run.learner.log_step_sizes.copy_(torch.tensor(STEP_SIZES).log().expand_as(run.learner.log_step_sizes))
    weights, bias = calibrated(w_base, z @ w_base, targets)
    run.classifier.weights.copy_(weights)
    run.classifier.bias.copy_(bias)


def ridge(x: Tensor, y: Tensor, strength: float) -> Tensor:
    """W [a, b] of least ‖x W − y‖² + λ ‖W‖², for x [n, a] and y [n, b]; λ is `strength` mean eigenvalues of xᵀ x."""
    gram = x.T @ x
    added = strength * gram.diagonal().mean().clamp(min=1e-12) * torch.eye(len(gram), dtype=gram.dtype)
    solution: Tensor = torch.linalg.solve(gram + added, x.T @ y)
    return solution


def calibrated(w_base: Tensor, scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """w_base [d, B] times one factor, and a bias [B], so that the scores [rows, B] are log odds of the targets."""
    factor = torch.zeros((), dtype=scores.dtype, requires_grad=True)
    odds = torch.logit(targets.mean(dim=0).clamp(0.5 / max(1, len(targets)), 1 - 0.5 / max(1, len(targets))))
    bias = odds.clone().requires_grad_()
    spread = scores.std().clamp(min=1e-12)
    optimizer = torch.optim.LBFGS([factor, bias], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = scores / spread * factor.exp() + bias
        value = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return w_base / spread * factor.detach().exp(), bias.detach()
