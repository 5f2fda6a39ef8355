"""The outer loop: which steps its loss weighs, how its gradient is clipped, and what it may not change."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from training.cases import random_case

from desire_edge.training.config import MetaConfig
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.learner import MetaLearner
from desire_edge.training.method import outer_loss, outer_step


def weight_of_each_step(steps: int, zero_shot: float, multi_step: float) -> list[float]:
    """What the outer loss makes of each step's query loss."""
    config = MetaConfig(zero_shot_weight=zero_shot, multi_step_weight=multi_step)
    episodes = random_case(1, e=1, s=1, q=1, n=1, d=2, h=2, b=2)[1]
    episodes = replace(episodes, mask=torch.ones(1, 2, 1), targets=torch.zeros(1, 2, 1))
    logits = [torch.zeros(1, 2, 1, requires_grad=True) for _ in range(steps + 1)]
    loss = outer_loss(logits, episodes, config)
    gradients = torch.autograd.grad(loss, logits, allow_unused=True)
    assert not any(gradient[0, 0] for gradient in gradients if gradient is not None), "support has no say"
    return [
        0.0 if gradient is None else 2 * float(gradient[0, 1]) for gradient in gradients
    ]  # σ(0) is a half


@pytest.mark.parametrize(
    ("steps", "zero_shot", "multi_step", "expected"),
    [
        (3, 0.0, 0.0, [0, 0, 0, 1]),
        (3, 0.2, 0.0, [0.2, 0, 0, 0.8]),
        (3, 0.2, 0.1, [0.2, 0.1, 0.1, 0.8]),
        (2, 0.0, 0.5, [0, 0.5, 1]),
        (1, 0.2, 0.1, [0.2, 0.8]),
        (0, 0.2, 0.1, [1]),
        (3, 1.0, 0.0, [1, 0, 0, 0]),
    ],
)
def test_the_outer_loss_weighs_the_steps(
    steps: int, zero_shot: float, multi_step: float, expected: list[float]
) -> None:
    assert weight_of_each_step(steps, zero_shot, multi_step) == pytest.approx(expected)


def learner_and_episodes(**settings: object) -> tuple[MetaLearner, EpisodeBatch, MetaConfig]:
    config = MetaConfig.model_validate({"hidden": 4, "inner_steps": 2, **settings})
    _, episodes = random_case(1, 3, 5, 4, 3, 6, 4, 7)
    torch.manual_seed(0)
    return MetaLearner(torch.randn(6, 7), config).double(), episodes, config


def step(
    learner: MetaLearner,
    optimizer: torch.optim.Optimizer,
    episodes: EpisodeBatch,
    config: MetaConfig,
    progress: float,
) -> float:
    """One outer update, as a run makes it."""
    loss = outer_loss(learner(episodes), episodes, config)
    return outer_step(optimizer, loss, clip=config.gradient_clip, progress=progress)


def steps_by(
    *, known_labels: bool = False, **settings: object
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The learner's state before and after two outer steps."""
    learner, episodes, config = learner_and_episodes(**settings)
    if known_labels:
        episodes = random_case(1, 3, 5, 4, 3, 6, 4, 7, known_labels=True)[1]
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    optimizer = learner.optimizer(config)
    for _ in range(2):
        step(learner, optimizer, episodes, config, 0.1)
    return before, learner.state_dict()


@pytest.mark.parametrize("known_labels", [False, True])
def test_an_outer_step_moves_theta_and_the_step_sizes_but_not_word_vectors_or_thresholds(
    known_labels: bool,
) -> None:
    before, after = steps_by(known_labels=known_labels)
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still == {"head.w_base", "threshold_weights"}


def test_step_sizes_that_are_not_to_be_learned_stay() -> None:
    before, after = steps_by(learn_step_sizes=False)
    assert torch.equal(before["log_step_sizes"], after["log_step_sizes"])


def test_training_lowers_the_outer_loss() -> None:
    learner, episodes, config = learner_and_episodes(learning_rate=1e-2)
    optimizer = learner.optimizer(config)
    losses = [step(learner, optimizer, episodes, config, index / 40) for index in range(40)]
    assert losses[-1] < 0.8 * losses[0]


def test_what_is_not_finite_changes_nothing() -> None:
    learner, episodes, config = learner_and_episodes()
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    with pytest.raises(FloatingPointError, match="not finite"):
        spoilt = replace(episodes, z=torch.full_like(episodes.z, torch.inf))
        step(learner, learner.optimizer(config), spoilt, config, 0.0)
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.state_dict().items())


def norm(parameters: list[torch.nn.Parameter], gradients: dict[torch.nn.Parameter, Tensor]) -> float:
    return float(torch.cat([gradients[parameter].flatten() for parameter in parameters]).norm())


@pytest.mark.parametrize("share", [0.3, 3.0])
def test_each_groups_gradient_is_clipped_on_its_own(share: float) -> None:
    """At a share of the step sizes' own norm, so that they are clipped, or neither group is held back by the other."""
    learner, episodes, config = learner_and_episodes()
    loss = outer_loss(learner(episodes), episodes, config)
    parameters = list(learner.parameters())
    gradients = dict(zip(parameters, torch.autograd.grad(loss, parameters, retain_graph=True), strict=True))
    optimizer = learner.optimizer(config)
    groups = [group["params"] for group in optimizer.param_groups]
    clip = share * norm(groups[1], gradients)
    outer_step(optimizer, loss, clip=clip, progress=0.0)
    for group in groups:
        factor = min(1.0, clip / (norm(group, gradients) + 1e-6))  # as torch has it
        for parameter in group:
            torch.testing.assert_close(parameter.grad, factor * gradients[parameter], rtol=1e-5, atol=0)


def test_the_learning_rate_falls_from_each_groups_own() -> None:
    learner, episodes, config = learner_and_episodes(learning_rate=1e-3, step_size_learning_rate=1e-2)
    optimizer = learner.optimizer(config)
    step(learner, optimizer, episodes, config, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([5e-4, 5e-3])
