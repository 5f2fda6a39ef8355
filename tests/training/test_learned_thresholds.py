"""Learned thresholds: what they are made of, what they maximise, and that they beat 0.5 where positives are rare."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor
from training.cases import random_case

from desire_edge.data import EpisodeSampler
from desire_edge.training.config import MetaConfig
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import EpisodeBatch, best_steps, chosen_logits
from desire_edge.training.learner import MetaLearner
from desire_edge.training.scoring import TaskScores, score_tasks
from desire_edge.training.thresholds import (
    SOFTNESS,
    learn_thresholds,
    soft_f1,
    threshold_features,
)
from desire_edge.training.views import View

# What a threshold is made of.


def test_the_figures_of_a_labels_support_are_those_by_hand() -> None:
    """Label 0: one positive and two negatives, logits 2, 0, 1. Label 1: two known, both negative. Label 2: nothing."""
    logits = torch.tensor([[2.0, 4, 9], [0, 2, 9], [1, 9, 9]])
    targets = torch.tensor([[1.0, 0, 1], [0, 0, 0], [0, 1, 1]])
    mask = torch.tensor([[1.0, 1, 0], [1, 1, 0], [1, 0, 0]])
    expected = [
        [1, 1, math.log(2 / 3), 1, math.sqrt(2 / 3)],
        [1, 1, math.log(1 / 3), 3, 1],
        [1, 0, 0, 0, 0],
    ]
    found = threshold_features(logits, targets, mask)
    torch.testing.assert_close(found, torch.tensor(expected))


def test_without_support_there_is_only_the_constant() -> None:
    none = torch.zeros(0, 2)
    assert threshold_features(none, none, none).tolist() == [[1, 0, 0, 0, 0]] * 2


def test_unknown_targets_do_not_count() -> None:
    logits, targets, mask = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)).unbind()
    targets, mask = (targets > 0).float(), (mask > 0).float()
    other = torch.where(mask > 0, targets, 1 - targets)
    assert not torch.equal(other, targets)
    assert torch.equal(threshold_features(logits, other, mask), threshold_features(logits, targets, mask))


# Where the inner loop stops.


def two_episodes() -> EpisodeBatch:
    _, episodes = random_case(0, 2, 3, 2, 2, 4, 3, 5)
    return replace(episodes, mask=torch.ones_like(episodes.mask))


def test_each_episode_stops_where_its_own_support_loss_is_lowest() -> None:
    episodes = two_episodes()
    right = 8 * (episodes.targets - 0.5)
    query = torch.arange(5) >= episodes.support
    logits = [0 * right, right.clone(), right.clone()]
    logits[1][1] *= 0.1  # the first episode is best after one step, the second after two
    logits[2][0] *= 0.1
    logits[0][:, query] = 100 * right[:, query]  # query rows have no say
    assert best_steps(episodes, logits) == [1, 2]
    chosen = chosen_logits(logits, [1, 2])
    assert torch.equal(chosen[0], logits[1][0])
    assert torch.equal(chosen[1], logits[2][1])


def test_of_equal_losses_the_later_step_is_taken() -> None:
    episodes = two_episodes()
    same = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(1)).double()
    assert best_steps(episodes, [same, same + 50, same, same + 50]) == [2, 2]


# What is maximised.


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_soft_f1_is_the_one_by_hand() -> None:
    """Two query rows, two labels, thresholds 0 and 1: decisions by hand, then 2 · found / (called + true)."""
    logits = torch.tensor([[[9.0, 9.0], [0.3, 1.0], [-0.6, 1.6]]])
    targets = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    episodes = EpisodeBatch(
        torch.zeros(1, 3, 2), targets, torch.ones_like(targets), torch.zeros(1, 2, 2), None, support=1
    )
    called = [sigmoid(0.3 / SOFTNESS), sigmoid(0), sigmoid(-0.6 / SOFTNESS), sigmoid(0.6 / SOFTNESS)]
    expected = 2 * (called[0] + called[3]) / (sum(called) + 2)
    assert float(soft_f1(logits, torch.tensor([[0.0, 1.0]]), episodes)) == pytest.approx(expected)


def test_soft_f1_of_sure_decisions_is_f1_and_episodes_count_alike() -> None:
    right = torch.tensor([[[1.0], [0.0], [1.0]], [[1.0], [1.0], [0.0]]])
    episodes = EpisodeBatch(
        torch.zeros(2, 3, 1), right, torch.ones_like(right), torch.zeros(2, 1, 1), None, 1
    )
    # The first episode is called right throughout, the second calls both: precision 1/2, recall 1.
    logits = torch.tensor([[[0.0], [-99.0], [99.0]], [[0.0], [99.0], [99.0]]])
    assert float(soft_f1(logits, torch.zeros(2, 1), episodes)) == pytest.approx((1 + 2 / 3) / 2)


# Learning them, on rows of one label each: one in ten is true.

ROWS, LABELS, D, WAYS = 600, 30, 8, 10
BASE, OTHERS = np.arange(20), np.arange(20, 30)
SPLIT = torch.from_numpy(np.random.default_rng(0).integers(0, LABELS, ROWS))
TARGETS = np.eye(LABELS, dtype=bool)[SPLIT]
W = np.random.default_rng(1).normal(size=(D, LABELS)).astype(np.float32)


def toy() -> tuple[MetaLearner, EpisodeBatcher]:
    """A learner as it starts, and features that lie near their label's vector."""
    noise = torch.randn(ROWS, D, generator=torch.Generator().manual_seed(2))
    batcher = EpisodeBatcher(torch.from_numpy(W.T)[SPLIT] + 0.7 * noise, TARGETS, W, BASE)
    torch.manual_seed(0)
    config = MetaConfig(hidden=8, inner_steps=3, step_size=0.1)
    return MetaLearner(torch.from_numpy(W[:, BASE]), config), batcher


@cache
def sampler(ways: int, shots: int) -> EpisodeSampler:
    rows = np.arange(ROWS)
    return EpisodeSampler(TARGETS, OTHERS, rows, rows, ways=ways, shots=shots, queries=5)


def learn(
    learner: MetaLearner, batcher: EpisodeBatcher, *, known_labels: bool = False, seed: int = 0
) -> Tensor:
    rows = np.arange(ROWS)
    learn_thresholds(
        learner,
        batcher,
        [View(learner, batcher.z, rows, rows)],
        OTHERS,
        ways=(WAYS, WAYS),
        shots=(1, 3),
        queries=5,
        episodes=4,
        known_labels=known_labels,
        seed=seed,
    )
    return learner.threshold_weights.clone()


def scores(learner: MetaLearner, batcher: EpisodeBatcher) -> TaskScores:
    return score_tasks(learner, batcher, sampler(WAYS, 2), tasks=40, rng=np.random.default_rng(99))


def test_learned_thresholds_beat_a_half_where_positives_are_rare() -> None:
    learner, batcher = toy()
    before = scores(learner, batcher)
    assert before.micro_f1 == before.micro_f1_half
    learn(learner, batcher)
    after = scores(learner, batcher)
    assert after.micro_f1_half == before.micro_f1_half
    assert after.micro_auc == before.micro_auc
    assert np.mean(after.micro_f1) > np.mean(after.micro_f1_half) + 0.05
    assert (np.array(after.micro_f1_oracle) >= np.array(after.micro_f1_half)).all()
    assert np.mean(after.micro_f1) > 0.8 * np.mean(after.micro_f1_oracle)


def test_only_the_thresholds_are_learned() -> None:
    learner, batcher = toy()
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    learn(learner, batcher)
    changed = {name for name, tensor in learner.state_dict().items() if not torch.equal(before[name], tensor)}
    assert changed == {"threshold_weights"}
    assert all(parameter.grad is None for parameter in learner.parameters())


def test_the_same_seed_learns_the_same_thresholds() -> None:
    first, again, other = (learn(*toy(), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_known_labels_are_given_where_they_are_asked_for() -> None:
    """Base labels that come with every validation label say which it is, so the logits the thresholds meet differ."""
    targets = TARGETS.copy()
    targets[:, BASE] |= TARGETS[:, np.resize(OTHERS, len(BASE))]
    learner, batcher = toy()
    batcher = EpisodeBatcher(batcher.z, targets, W, BASE)
    assert not torch.equal(learn(learner, batcher), learn(toy()[0], batcher, known_labels=True))


class Noting(MetaLearner):
    """Notes the sizes of the tasks it meets, and how large their features are."""

    def __init__(self) -> None:
        super().__init__(torch.from_numpy(W[:, BASE]), MetaConfig(hidden=8, inner_steps=3, step_size=0.1))
        self.met: list[tuple[int, int, bool]] = []

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        large = bool(episodes.z.abs().max() > 50)
        self.met.append((episodes.targets.shape[-1], episodes.support, large))
        return super().forward(episodes)


def test_tasks_are_of_the_ways_and_shots_asked_for_and_views_take_turns() -> None:
    _, batcher = toy()
    learner, rows = Noting(), np.arange(ROWS)
    views = [View(learner, z, rows, rows) for z in (batcher.z, 100 * batcher.z)]
    learn_thresholds(
        learner, batcher, views, OTHERS, ways=(WAYS, WAYS), shots=(1, 3), queries=5, episodes=4,
        known_labels=False, seed=0,
    )  # fmt: skip
    # Rows carry one label each, so that a support has one row a label and shot.
    assert {met[:2] for met in learner.met} == {(WAYS, shots * WAYS) for shots in (1, 2, 3)}
    assert [large for _, _, large in learner.met] == [index % 2 == 1 for index in range(len(learner.met))]
