"""Every meta-trained method learns a toy problem in seconds.

An example's features are the sum of its labels' word vectors and noise; an episode asks for four of twenty labels
from twelve support examples. To know no more than the share of positives costs 0.65; every method gets below 0.45,
and below 0.7 of what it started from (the untrained method, adapted).
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from baselines.cases import META_TRAINED, normal
from torch import Tensor

from desire_edge.baselines import METHODS, MetaTrained
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.method import query_loss

D, LABELS, BATCHES = 12, 20, 120
WORDS = normal(1, D, LABELS)
ROTATION = torch.linalg.qr(normal(2, D, D)).Q
SETTINGS: dict[str, dict[str, Any]] = {
    "maml": {"hidden": 32, "learning_rate": 1e-2},
    "reptile": {"hidden": 32, "step_size": 1.0},
    "ataml": {"slots": 4, "width": 16, "step_size": 1.0, "learning_rate": 1e-2},
    "maml++": {"hidden": 32, "inner_steps": 3, "learning_rate": 1e-2},
    "no-l2": {"hidden": 32, "step_size": 0.025, "learning_rate": 1e-2},
    "no-pretraining": {"hidden": 32, "step_size": 0.075, "learning_rate": 1e-2, "extractor": (32,)},
    "no-inference": {"step_size": 0.01, "learning_rate": 1e-2},
    "desire-net": {"hidden": 32, "step_size": 0.075, "learning_rate": 1e-2},
    "plain-pretraining": {"hidden": 32, "step_size": 0.075, "learning_rate": 1e-2},
    "protonet": {"hidden": 32, "dimension": 16, "learning_rate": 1e-2},
}


def _toy(seed: int, count: int, *, rotate: bool) -> EpisodeBatch:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.stack([torch.randperm(LABELS, generator=generator)[:4] for _ in range(count)])
    targets = (torch.rand(count, 24, 4, generator=generator) < 0.35).double()
    w_novel = WORDS[:, labels].permute(1, 0, 2)
    z = targets @ w_novel.mT + 0.3 * torch.randn(count, 24, D, generator=generator)
    base_mask = torch.ones(count, LABELS).scatter(1, labels, 0.0)
    return EpisodeBatch(
        z @ ROTATION if rotate else z, targets, torch.ones_like(targets), w_novel, base_mask, 12
    )


def _held_out_loss(method: MetaTrained, episodes: EpisodeBatch) -> float:
    method.eval()
    with torch.no_grad():
        logits: list[Tensor] = method(episodes)
    return float(query_loss(logits[-1], episodes))


@pytest.mark.parametrize("name", META_TRAINED)
def test_the_query_loss_of_unseen_episodes_falls(name: str) -> None:
    rotate = "pretraining" in name  # their features mean nothing to word vectors
    torch.manual_seed(0)
    kind = METHODS[name]
    rows = _toy(0, 20, rotate=rotate).z.flatten(0, 1)
    method = kind(rows, WORDS, kind.CONFIG(**SETTINGS[name]))
    assert isinstance(method, MetaTrained)
    unseen = _toy(10**6, 50, rotate=rotate)
    before = _held_out_loss(method, unseen)
    optimizer = method.optimizer()
    for index in range(BATCHES):
        method.outer_step(optimizer, _toy(1 + index, 8, rotate=rotate), index / BATCHES)
    after = _held_out_loss(method, unseen)
    assert after < 0.7 * before
    assert after < 0.45
