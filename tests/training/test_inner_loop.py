"""The fast inner loop against SGD on explicit weights through autograd, values and outer gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call
from training.cases import random_case

from desire_edge.models import SemanticInference
from desire_edge.training.inner_loop import EpisodeBatch, inner_loop
from desire_edge.training.loss import inner_loss, masked_bce

GROUP_OF = {"w1": 0, "b1": 0, "w2": 1, "b2": 1, "w_i": 2, "gamma1": 3, "gamma2": 4}


def explicit_sgd(
    head: SemanticInference, episode: EpisodeBatch, index: int, step_sizes: Tensor
) -> list[Tensor]:
    """The same loop for one episode, each weight copied and stepped by autograd: slow, and plain to read."""
    s = episode.support
    z, w_novel = episode.z[index], episode.w_novel[index]
    base_mask = None if episode.base_mask is None else episode.base_mask[index]
    known_labels = None if episode.known_labels is None else episode.known_labels[index]
    weights: dict[str, Tensor] = {**dict(head.named_parameters())}
    logits = []
    for step in range(len(step_sizes) + 1):
        logits.append(functional_call(head, weights, (z, w_novel, base_mask, known_labels)))
        if step < len(step_sizes):
            loss = inner_loss(logits[-1][:s], episode.targets[index, :s], episode.mask[index, :s])
            gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {
                name: weight - step_sizes[step, GROUP_OF[name]] * gradient
                for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
            }
    return logits


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    s=st.integers(1, 7),
    q=st.integers(0, 4),
    n=st.integers(1, 4),
    d=st.integers(1, 6),
    h=st.integers(1, 5),
    b=st.integers(1, 8),
    steps=st.integers(0, 4),
    known_labels=st.booleans(),
)
def test_inner_loop_equals_sgd_on_explicit_weights(
    seed: int, s: int, q: int, n: int, d: int, h: int, b: int, steps: int, known_labels: bool
) -> None:
    head, episodes = random_case(seed, 2, s, q, n, d, h, b, known_labels=known_labels)
    step_sizes = torch.rand(steps, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    fast = inner_loop(head, episodes, step_sizes)
    for index in range(2):
        slow = explicit_sgd(head, episodes, index, step_sizes)
        for fast_step, slow_step in zip(fast, slow, strict=True):
            torch.testing.assert_close(fast_step[index], slow_step, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("known_labels", [False, True])
def test_outer_gradients_are_second_order(known_labels: bool) -> None:
    head, episodes = random_case(3, 2, 5, 6, 3, 8, 7, 9, known_labels=known_labels)
    step_sizes = torch.full((3, 5), 0.3, dtype=torch.float64, requires_grad=True)
    parameters = [*head.parameters(), step_sizes]

    def outer(logits: Tensor, index: slice | int) -> Tensor:
        return masked_bce(logits[..., 5:, :], episodes.targets[index, 5:], episodes.mask[index, 5:]).sum()

    fast = torch.autograd.grad(outer(inner_loop(head, episodes, step_sizes)[-1], slice(None)), parameters)
    slow_loss = sum(outer(explicit_sgd(head, episodes, i, step_sizes)[-1], i) for i in range(2))
    assert isinstance(slow_loss, Tensor)
    slow = torch.autograd.grad(slow_loss, parameters)
    for fast_gradient, slow_gradient in zip(fast, slow, strict=True):
        torch.testing.assert_close(fast_gradient, slow_gradient, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("known", [0.0, 1.0])
def test_unknown_targets_change_nothing(known: float) -> None:
    head, episodes = random_case(5, 1, 4, 3, 2, 5, 4, 6)
    masked = EpisodeBatch(
        episodes.z, episodes.targets, torch.full_like(episodes.mask, known), episodes.w_novel, None, 4
    )
    logits = inner_loop(head, masked, torch.full((2, 5), 0.5, dtype=torch.float64))
    moved = not torch.equal(logits[0], logits[-1])
    assert moved == bool(known)


def test_a_known_label_stands_in_for_what_z_says_of_the_base_labels() -> None:
    head, episodes = random_case(6, 1, 4, 3, 2, 5, 4, 6)
    known = torch.zeros(7, 6).double()
    known[0, 2] = known[1, [1, 4]] = 1
    scores = head.base_scores(episodes.z[0], known_labels=known)
    assert scores[0].tolist() == pytest.approx([0, 0, 1, 0, 0, 0])
    assert scores[1].tolist() == pytest.approx([0, 0.5**0.5, 0, 0, 0.5**0.5, 0])
    torch.testing.assert_close(scores[2:], head.base_scores(episodes.z[0])[2:], rtol=0, atol=0)


def test_rows_that_are_told_nothing_go_by_their_features() -> None:
    head, episodes = random_case(7, 2, 4, 3, 2, 5, 4, 6)
    none = replace(episodes, known_labels=torch.zeros(2, 7, 6).double())
    step_sizes = torch.full((3, 5), 0.4, dtype=torch.float64)
    for known, unknown in zip(
        inner_loop(head, none, step_sizes), inner_loop(head, episodes, step_sizes), strict=True
    ):
        assert torch.equal(known, unknown)


def test_labels_played_as_novel_are_not_known() -> None:
    """Neither alone (the row then goes by its features) nor beside others."""
    head, episodes = random_case(8, 1, 4, 3, 2, 5, 4, 6)
    mask = torch.tensor([1, 1, 0, 1, 0, 1]).double()
    known = torch.zeros(7, 6).double()
    known[0, [2, 4]] = known[1, [2, 3]] = 1
    scores = head.base_scores(episodes.z[0], mask, known)
    torch.testing.assert_close(scores[0], head.base_scores(episodes.z[0], mask)[0], rtol=0, atol=0)
    assert scores[1].tolist() == pytest.approx([0, 0, 0, 1, 0, 0])
