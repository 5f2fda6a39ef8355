"""What the gradient-based methods share: fast weights, the inner loop, and the network with a classifier a label.

Fast weights are explicit: each episode of a batch has its own copy, [E, …], and one batched product serves them all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from desire_edge.models import EPSILON
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.loss import inner_loss

Weights = dict[str, Tensor]
StepSizes = Mapping[str, Tensor | float]


def adapt(
    logits: Callable[[Weights, Tensor], Tensor],
    weights: Weights,
    rows: Tensor,
    episodes: EpisodeBatch,
    step_sizes: Sequence[StepSizes],
    *,
    second_order: bool = True,
    metrics: Mapping[str, Tensor] | None = None,
) -> list[Tensor]:
    """The inner loop: plain SGD on the support set's loss, by autograd, for all episodes at once.

    Args:
        logits: (fast weights, rows [E, R, …]) -> [E, R, N], each row on its own.
        weights: the fast weights before any step, each [E, …].
        rows: [E, S+Q, …], support first.
        episodes: targets and mask.
        step_sizes: one mapping a step, by the weights' names.
        second_order: whether the outer loop differentiates through the inner gradients too.
        metrics: by the names of fast weights that stand for a product W C of a weight W with constant columns C: the
            matrix CᵀC [E, …, …]. SGD on W moves W C by its own gradient times CᵀC, so W need not be formed.

    Returns:
        T + 1 tensors [E, S+Q, N]; differentiable where gradients are enabled, else without a graph.
    """
    differentiable = torch.is_grad_enabled()
    s = episodes.support
    targets, mask = episodes.targets[:, :s], episodes.mask[:, :s]
    steps: list[Tensor] = []
    with torch.enable_grad():
        for sizes in step_sizes:
            weights = weights if differentiable else _leaves(weights)
            # Query rows apart, so that the inner gradient does not pass through them.
            support = logits(weights, rows[:, :s])
            steps.append(torch.cat([support, logits(weights, rows[:, s:])], dim=1))
            loss = inner_loss(support, targets, mask).sum()
            weights = sgd_step(
                weights, loss, sizes, create_graph=differentiable and second_order, metrics=metrics
            )
        steps.append(logits(weights, rows))
    return steps if differentiable else [step.detach() for step in steps]


def sgd_step(
    weights: Weights,
    loss: Tensor,
    sizes: StepSizes,
    *,
    create_graph: bool,
    metrics: Mapping[str, Tensor] | None = None,
) -> Weights:
    """One step of SGD on every fast weight; `loss` is the sum of the episodes' losses, which share no weight."""
    metrics = metrics or {}
    gradients = torch.autograd.grad(
        loss, list(weights.values()), retain_graph=True, create_graph=create_graph
    )
    return {
        name: weight - sizes[name] * (gradient @ metrics[name] if name in metrics else gradient)
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }


def _leaves(weights: Weights) -> Weights:
    return {name: weight.detach().requires_grad_() for name, weight in weights.items()}


class Standardize(nn.Module):
    """Inputs with their training mean taken off and one scale for all features, so that their mean square is 1.

    The baselines' step sizes then mean the same for any F. Without it they lose much: nearly all of z's length is a
    part that every example shares (on Delicious 39 of 41), which drowns what tells examples apart.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        mean = rows.mean(dim=0)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", (rows - mean).square().mean().sqrt().clamp(min=EPSILON))

    def forward(self, x: Tensor) -> Tensor:
        """x [..., features] -> [..., features]."""
        return (x - self.mean) / self.scale


def label_network(features: int, hidden: Sequence[int]) -> nn.ParameterDict:
    """Initial weights of an MLP with ReLU layers of sizes `hidden` and one linear classifier a label.

    `w1` [features, hidden[0]], `b1` [1, hidden[0]], `w2`, …; `head` [hidden[-1], 1] and `head_bias` [1, 1] are the one
    classifier that every label of every episode starts from.
    """
    weights: dict[str, nn.Parameter] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise([features, *hidden]), start=1):
        weights[f"w{layer}"] = _uniform(fan_in, fan_out)
        weights[f"b{layer}"] = nn.Parameter(torch.zeros(1, fan_out))
    weights["head"] = _uniform(hidden[-1], 1)
    weights["head_bias"] = nn.Parameter(torch.zeros(1, 1))
    return nn.ParameterDict(weights)


def _uniform(fan_in: int, fan_out: int) -> nn.Parameter:
    """[fan_in, fan_out] as torch initialises a Linear layer: uniform in ±1/√fan_in."""
    return nn.Parameter((2 * torch.rand(fan_in, fan_out) - 1) / math.sqrt(fan_in))


def copies(weights: nn.ParameterDict, episodes: EpisodeBatch) -> Weights:
    """Fast weights at step 0, [E, …]: each weight once an episode, and `head…` once a label too, [E, …, N]."""
    count, ways = len(episodes.z), episodes.targets.shape[-1]
    return {
        name: weight.expand(count, -1, ways if name.startswith("head") else -1)
        for name, weight in weights.items()
    }


def label_logits(weights: Weights, rows: Tensor) -> Tensor:
    """The network of `label_network`, or its classifiers alone: rows [E, R, features] -> logits [E, R, N]."""
    layer = 1
    while f"w{layer}" in weights:
        rows = torch.relu(rows @ weights[f"w{layer}"] + weights[f"b{layer}"])
        layer += 1
    return rows @ weights["head"] + weights["head_bias"]
