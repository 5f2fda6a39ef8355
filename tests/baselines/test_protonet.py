"""ProtoNet against a computation by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from baselines.cases import meta_trained, random_episodes
from torch import Tensor, nn

from desire_edge.baselines import ProtoNet
from desire_edge.training.inner_loop import EpisodeBatch


def _method() -> ProtoNet:
    method = meta_trained("protonet")
    assert isinstance(method, ProtoNet)
    return method


def _plane(targets: list[list[float]], mask: list[list[float]]) -> EpisodeBatch:
    """Support at (0, 0), (2, 0), (0, 4), query at (1, 1)."""
    z = torch.tensor([[[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [1.0, 1.0]]])
    return EpisodeBatch(
        z, torch.tensor([targets]) * 1.0, torch.tensor([mask]) * 1.0, torch.zeros(1, 2, 2), None, 3
    )


def _in_the_plane(episodes: EpisodeBatch) -> Tensor:
    """Query logits where f is the identity, scale 0.5 and bias -1."""
    method = _method()
    method.embedding = nn.Sequential(nn.Identity())
    with torch.no_grad():
        method.log_scale.fill_(torch.tensor(0.5).log())
        method.bias.fill_(-1.0)
    logits: Tensor = method(episodes)[0]
    return logits[0, 3]


def test_logits_are_the_difference_of_squared_distances_to_two_prototypes() -> None:
    logits = _in_the_plane(_plane([[1, 0], [1, 0], [0, 1], [0, 0]], [[1, 1]] * 4))
    # Label 0: c+ = (1, 0) at distance² 1, c- = (0, 4) at 1 + 9; label 1 the other way round.
    assert logits.tolist() == pytest.approx([0.5 * (10 - 1) - 1, 0.5 * (1 - 10) - 1])


def test_unknown_targets_are_in_neither_prototype() -> None:
    logits = _in_the_plane(_plane([[1, 0], [1, 0], [0, 1], [0, 0]], [[1, 1], [0, 1], [1, 0], [1, 1]]))
    # Label 0: c+ = (0, 0) at 2, c- = (0, 4) at 10. Label 1 knows no positive: c+ is the support's mean (2/3, 4/3) at
    # 1/9 + 1/9, c- = (1, 0) at 1.
    assert logits.tolist() == pytest.approx([0.5 * (10 - 2) - 1, 0.5 * (1 - 2 / 9) - 1])


def test_equals_a_loop_over_labels_and_rows() -> None:
    method, episodes = _method(), random_episodes(1)
    episodes = replace(episodes, mask=torch.ones_like(episodes.mask))
    (logits,) = method(episodes)
    s = episodes.support
    for e in range(3):
        f = method.embedding(episodes.z[e])
        for label in range(3):
            carries = episodes.targets[e, :s, label] > 0
            positive = f[:s][carries].mean(0) if carries.any() else f[:s].mean(0)
            negative = f[:s][~carries].mean(0) if not carries.all() else f[:s].mean(0)
            for row in range(len(f)):
                closer = (f[row] - negative).square().sum() - (f[row] - positive).square().sum()
                expected = method.log_scale.exp() * closer + method.bias
                torch.testing.assert_close(logits[e, row, label], expected, rtol=1e-9, atol=1e-10)
