"""Every gradient-based method against SGD by the book, one episode at a time: values and outer gradients."""

from __future__ import annotations

import pytest
import torch
from baselines.cases import ADAPTED, by_hand, make, random_episodes, sgd_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.loss import masked_bce

WITH_PARAMETERS = [name for name in ADAPTED if name != "pretrained"]


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    s=st.integers(1, 6),
    q=st.integers(0, 3),
    n=st.integers(1, 4),
    train=st.booleans(),
)
@pytest.mark.parametrize("name", ADAPTED)
def test_forward_equals_sgd_by_the_book(name: str, seed: int, s: int, q: int, n: int, train: bool) -> None:
    method = make(name).train(train)
    episodes = random_episodes(seed, 2, s, q, n)
    fast = method(episodes)
    for index in range(2):
        slow = sgd_by_hand(by_hand(name, method, episodes, index), episodes, index)
        assert len(fast) == len(slow)
        for fast_step, slow_step in zip(fast, slow, strict=True):
            torch.testing.assert_close(fast_step[index], slow_step, rtol=1e-8, atol=1e-9)


def _query_loss(logits: Tensor, episodes: EpisodeBatch, index: int) -> Tensor:
    s = episodes.support
    return masked_bce(logits[s:], episodes.targets[index, s:], episodes.mask[index, s:])


def _outer_gradients(name: str, *, second_order: bool) -> tuple[list[Tensor], list[Tensor]]:
    """The gradients of the query loss after the last step: the method's own, and by the book."""
    method, episodes = make(name), random_episodes(7)
    parameters = [p for p in method.parameters() if p.requires_grad]
    fast = sum(_query_loss(logits, episodes, i) for i, logits in enumerate(method(episodes)[-1]))
    slow = sum(
        _query_loss(
            sgd_by_hand(by_hand(name, method, episodes, i), episodes, i, second_order=second_order)[-1],
            episodes,
            i,
        )
        for i in range(len(episodes.z))
    )
    assert isinstance(fast, Tensor)
    assert isinstance(slow, Tensor)
    return list(torch.autograd.grad(fast, parameters)), list(torch.autograd.grad(slow, parameters))


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_outer_gradients_are_second_order(name: str) -> None:
    fast, slow = _outer_gradients(name, second_order=True)
    for fast_gradient, slow_gradient in zip(fast, slow, strict=True):
        assert slow_gradient.abs().max() > 0
        torch.testing.assert_close(fast_gradient, slow_gradient, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_second_order_is_not_first_order(name: str) -> None:
    fast, first_order = _outer_gradients(name, second_order=False)
    assert any((f - g).abs().max() > 1e-4 for f, g in zip(fast, first_order, strict=True))


@pytest.mark.parametrize("name", ["maml", "reptile", "maml++"])
def test_a_trunk_is_adapted_whole(name: str) -> None:
    method = make(name, trunk=[6, 4])
    assert {"theta.w1", "theta.b1", "theta.w2", "theta.b2"} < set(method.state_dict())
    episodes = random_episodes(1)
    slow = sgd_by_hand(by_hand(name, method, episodes, 0), episodes, 0)
    for fast_step, slow_step in zip(method(episodes), slow, strict=True):
        torch.testing.assert_close(fast_step[0], slow_step, rtol=1e-8, atol=1e-9)


def test_the_shared_representation_is_not_adapted_but_learned() -> None:
    method, episodes = make("ataml", trunk=[6]), random_episodes(2)
    slow = sgd_by_hand(by_hand("ataml", method, episodes, 0), episodes, 0)
    fast = method(episodes)
    torch.testing.assert_close(fast[-1][0], slow[-1], rtol=1e-8, atol=1e-9)
    fast[-1].square().sum().backward()
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
