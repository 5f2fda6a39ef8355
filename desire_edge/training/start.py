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
from torch import Tensor, nn

from desire_edge.models import extract, smooth_normalize
from desire_edge.training.calibrated import calibrated
from desire_edge.training.run import Run

LENGTH = 4.0  # ‖z‖
GAMMA1, GAMMA2 = 0.6, 0.5
STEP_SIZES = (0.6, 0.6, 0.3, 0.1, 0.1)  # of W_1, W_2, W_I, γ1, γ2
RIDGE, SCORE_RIDGE, NAME_RIDGE = 1.0, 0.1, 0.3  # each times the mean eigenvalue of what it is added to


@torch.no_grad()
def start_from_backbone(run: Run) -> None:
    """Set F, the base labels' classifiers and the head of `run` to the closed-form start."""
    projection, learner = run.extractor.projection, run.meta_learner
    assert isinstance(projection, nn.Linear), "the paper's head has a projection before it"
    head = learner.head
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
        learner.log_step_sizes.copy_(torch.tensor(STEP_SIZES).log().expand_as(learner.log_step_sizes))
    weights, bias = calibrated(w_base, z @ w_base, targets)
    run.classifier.weights.copy_(weights)
    run.classifier.bias.copy_(bias)


def ridge(x: Tensor, y: Tensor, strength: float) -> Tensor:
    """W [a, b] of least ‖x W − y‖² + λ ‖W‖², for x [n, a] and y [n, b]; λ is `strength` mean eigenvalues of xᵀ x."""
    gram = x.T @ x
    added = strength * gram.diagonal().mean().clamp(min=1e-12) * torch.eye(len(gram), dtype=gram.dtype)
    solution: Tensor = torch.linalg.solve(gram + added, x.T @ y)
    return solution
