"""The losses against sums written out: what is unknown does not count, and the inner loss is a sum over labels."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from desire_edge.training.loss import inner_loss, known_ways, masked_bce


def case(seed: int, s: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, targets and mask [s, n], in float64; about a third of the targets are unknown."""
    generator = torch.Generator().manual_seed(seed)
    logits, targets, mask = (torch.randn(s, n, generator=generator, dtype=torch.float64) for _ in range(3))
    return logits, (targets > 0).double(), (mask > -0.5).double()


def cross_entropy(logit: float, target: float) -> float:
    probability = 1 / (1 + math.exp(-logit))
    return -math.log(probability if target else 1 - probability)


@given(st.integers(0, 2**16), st.integers(1, 5), st.integers(1, 4))
def test_the_losses_are_the_sums_of_their_definition(seed: int, s: int, n: int) -> None:
    logits, targets, mask = case(seed, s, n)
    known = [(row, label) for row in range(s) for label in range(n) if mask[row, label]]
    total = sum(cross_entropy(float(logits[at]), float(targets[at])) for at in known)
    ways = len({label for _, label in known})
    mean = total / len(known) if known else 0.0
    assert float(masked_bce(logits, targets, mask)) == pytest.approx(mean)
    assert int(known_ways(mask)) == max(1, ways)
    assert float(inner_loss(logits, targets, mask)) == pytest.approx(mean * max(1, ways))


def test_where_everything_is_known_each_label_counts_as_if_it_were_alone() -> None:
    logits, targets, _ = case(1, 6, 4)
    alone = [masked_bce(logits[:, [i]], targets[:, [i]], torch.ones(6, 1).double()) for i in range(4)]
    torch.testing.assert_close(inner_loss(logits, targets, torch.ones_like(logits)), torch.stack(alone).sum())


def test_a_labels_gradient_does_not_fall_with_the_number_of_labels() -> None:
    logits, targets, _ = case(2, 5, 8)

    def gradient(ways: int) -> Tensor:
        one = logits[:, :ways].clone().requires_grad_()
        loss = inner_loss(one, targets[:, :ways], torch.ones(5, ways).double())
        return torch.autograd.grad(loss, one)[0][:, 0]

    torch.testing.assert_close(gradient(2), gradient(8))


def test_labels_of_which_nothing_is_known_do_not_count() -> None:
    logits, targets, mask = case(3, 5, 4)
    mask[:, 1:3] = 0
    some = [0, 3]
    assert int(known_ways(mask)) == 2
    torch.testing.assert_close(
        inner_loss(logits, targets, mask), inner_loss(logits[:, some], targets[:, some], mask[:, some])
    )


def test_where_nothing_is_known_the_loss_is_zero_and_so_is_its_gradient() -> None:
    logits, targets, _ = case(4, 3, 2)
    logits.requires_grad_()
    loss = inner_loss(logits, targets, torch.zeros(3, 2).double())
    assert float(loss.detach()) == 0
    assert not torch.autograd.grad(loss, logits)[0].any()


def test_each_episode_of_a_batch_has_its_own_loss() -> None:
    cases = [case(seed, 4, 3) for seed in range(5)]
    together = inner_loss(*(torch.stack(parts) for parts in zip(*cases, strict=True)))
    torch.testing.assert_close(together, torch.stack([inner_loss(*one) for one in cases]))
