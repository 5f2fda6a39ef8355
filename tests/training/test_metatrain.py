"""The outer loop: which steps its loss weighs, what it may not change, and episodes that cannot be drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from training.cases import random_case

from desire_edge.errors import DesireEdgeError
from desire_edge.training.config import MetaConfig
from desire_edge.training.inner_loop import Episodes
from desire_edge.training.metatrain import MetaLearner, check_episodes, meta_step, outer_loss


def weight_of_each_step(steps: int, zero_shot: float, multi_step: float) -> list[float]:
    """What the outer loss makes of each step's query loss."""
    config = MetaConfig(zero_shot_weight=zero_shot, multi_step_weight=multi_step)
    logits = [torch.zeros(1, 1, 1, requires_grad=True) for _ in range(steps + 1)]
    loss = outer_loss(lambda step: step.sum(), logits, config)
    gradients = torch.autograd.grad(loss, logits, allow_unused=True)
    return [0.0 if gradient is None else float(gradient) for gradient in gradients]


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


def learner_and_episodes(**settings: object) -> tuple[MetaLearner, Episodes, MetaConfig]:
    config = MetaConfig.model_validate({"hidden": 4, "inner_steps": 2, **settings})
    _, episodes = random_case(1, 3, 5, 4, 3, 6, 4, 7)
    torch.manual_seed(0)
    return MetaLearner(torch.randn(6, 7), config).double(), episodes, config


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
        meta_step(learner, optimizer, episodes, config, 0.1)
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
    losses = [meta_step(learner, optimizer, episodes, config, index / 40) for index in range(40)]
    assert losses[-1] < 0.8 * losses[0]


def test_what_is_not_finite_changes_nothing() -> None:
    learner, episodes, config = learner_and_episodes()
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    with pytest.raises(FloatingPointError, match="not finite"):
        spoilt = replace(episodes, z=torch.full_like(episodes.z, torch.inf))
        meta_step(learner, learner.optimizer(config), spoilt, config, 0.0)
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.state_dict().items())


def test_episodes_that_cannot_be_drawn_name_the_settings() -> None:
    targets = np.eye(6, dtype=bool).repeat(4, axis=0)
    labels, rows = np.arange(6), np.arange(24)
    check_episodes(targets, labels, rows, rows, MetaConfig(ways=(2, 5), shots=(1, 2), queries=2))
    with pytest.raises(DesireEdgeError, match=r"6 base labels .* 5 ways and 3 shots .* lower meta\.ways"):
        check_episodes(targets, labels, rows, rows, MetaConfig(ways=(2, 5), shots=(1, 3), queries=2))
