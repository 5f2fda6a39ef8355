"""Reptile's outer update against its definition."""

from __future__ import annotations

import pytest
import torch
from baselines.cases import by_hand, meta_trained, random_episodes
from torch import Tensor

from desire_edge.baselines import Reptile
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.loss import inner_loss


def _reached(method: Reptile, episodes: EpisodeBatch, index: int) -> dict[str, Tensor]:
    """The weights that SGD on one episode's minibatches reaches, each label's classifier its own."""
    hand = by_hand("reptile", method, episodes, index)
    weights = hand.weights
    for step in range(method.config.inner_steps):
        rows = range(step % method.config.minibatches, episodes.z.shape[1], method.config.minibatches)
        batch = (index, list(rows))
        loss = inner_loss(
            hand.logits(weights, episodes.z[batch]), episodes.targets[batch], episodes.mask[batch]
        )
        gradients = torch.autograd.grad(loss, list(weights.values()))
        weights = {
            name: (weight - method.config.step_size * gradient).detach().requires_grad_()
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
        }
    return weights


@pytest.mark.parametrize("minibatches", [1, 2, 5])
@pytest.mark.parametrize("progress", [0.0, 0.25])
def test_the_update_is_a_step_towards_the_mean_of_what_episodes_reach(
    minibatches: int, progress: float
) -> None:
    method = meta_trained("reptile", minibatches=minibatches, inner_steps=4, learning_rate=0.8, step_size=0.5)
    episodes = random_episodes(1)
    assert isinstance(method, Reptile)
    reached = [_reached(method, episodes, index) for index in range(3)]
    mean = {
        name: torch.stack([weights[name] for weights in reached]).mean(0)
        for name in method.theta
        if "head" not in name
    }
    labels = [
        (weights[f"head {label}"], weights[f"bias {label}"]) for weights in reached for label in range(3)
    ]
    mean["head"] = torch.stack([head for head, _ in labels], dim=1).mean(1, keepdim=True)
    mean["head_bias"] = torch.stack([bias for _, bias in labels])[:, None].mean(0, keepdim=True)
    before = {name: theta.detach().clone() for name, theta in method.theta.items()}
    method.outer_step(method.optimizer(), episodes, progress)
    for name, theta in method.theta.items():
        expected = before[name] + 0.8 * (1 - progress) * (mean[name] - before[name])
        assert (theta - before[name]).abs().max() > 0
        torch.testing.assert_close(theta.detach(), expected, rtol=1e-8, atol=1e-10)


def test_the_update_sees_query_rows_too_and_needs_no_outer_gradient() -> None:
    after: list[Tensor] = []
    for episodes in (random_episodes(2), random_episodes(2)):
        if after:
            episodes.mask[:, -1] = 0
        method = meta_trained("reptile", minibatches=1)
        with torch.no_grad():
            method.outer_step(method.optimizer(), episodes, 0.0)
        after.append(method.state_dict()["theta.head"])
    assert not torch.equal(after[0], after[1])


def test_at_the_end_of_meta_training_nothing_moves() -> None:
    method = meta_trained("reptile")
    before = [parameter.detach().clone() for parameter in method.parameters()]
    method.outer_step(method.optimizer(), random_episodes(3), 1.0)
    for parameter, old in zip(method.parameters(), before, strict=True):
        assert torch.equal(parameter, old)
