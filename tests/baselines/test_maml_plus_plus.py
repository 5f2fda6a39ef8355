"""What MAML++ changes of MAML's outer loop."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from baselines.cases import by_hand, meta_trained, random_episodes, sgd_by_hand
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from desire_edge.baselines import MamlPlusPlus
from desire_edge.training.loss import masked_bce


def _method(**settings: Any) -> MamlPlusPlus:
    method = meta_trained("maml++", **settings)
    assert isinstance(method, MamlPlusPlus)
    return method


def test_loss_weights_go_from_even_to_the_last_step_alone() -> None:
    method = _method(inner_steps=4, multi_step_until=0.2)
    assert method.loss_weights(0.0) == pytest.approx([0.25, 0.25, 0.25, 0.25])
    assert method.loss_weights(0.1) == pytest.approx([0.125, 0.125, 0.125, 0.625])
    assert method.loss_weights(0.2) == pytest.approx([0, 0, 0, 1])
    assert method.loss_weights(0.9) == pytest.approx([0, 0, 0, 1])


def test_without_a_multi_step_share_the_last_step_counts_from_the_start() -> None:
    assert _method(inner_steps=3, multi_step_until=0.0).loss_weights(0.0) == [0, 0, 1]


@given(
    steps=st.integers(1, 8), until=st.floats(0, 1), at=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)
)
def test_loss_weights_sum_to_one_and_the_last_only_grows(steps: int, until: float, at: list[float]) -> None:
    method = _method(inner_steps=steps, multi_step_until=until)
    earlier, later = method.loss_weights(at[0]), method.loss_weights(at[1])
    assert sum(earlier) == pytest.approx(1)
    assert min(earlier) >= 0
    assert later[-1] >= earlier[-1] - 1e-12


@pytest.mark.parametrize(
    ("progress", "second_order"), [(0.0, False), (0.29, False), (0.3, True), (0.6, True)]
)
def test_the_outer_gradient_weighs_all_steps_and_turns_second_order_at_the_switch(
    progress: float, second_order: bool
) -> None:
    method, episodes = _method(multi_step_until=0.5, first_order_until=0.3), random_episodes(4)
    parameters = list(method.parameters())
    s = episodes.support

    def by_the_book(order: bool) -> tuple[Tensor, ...]:
        total = torch.zeros(())
        for index in range(3):
            steps = sgd_by_hand(
                by_hand("maml++", method, episodes, index), episodes, index, second_order=order
            )
            for weight, logits in zip(method.loss_weights(progress), steps[1:], strict=True):
                loss = masked_bce(logits[s:], episodes.targets[index, s:], episodes.mask[index, s:])
                total = total + weight * loss / 3
        return torch.autograd.grad(total, parameters)

    gradients = torch.autograd.grad(method.outer_loss(episodes, progress), parameters)
    for gradient, expected in zip(gradients, by_the_book(second_order), strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-7, atol=1e-10)
    others = by_the_book(not second_order)
    assert any((g - other).abs().max() > 1e-4 for g, other in zip(gradients, others, strict=True))


def test_every_layer_has_a_step_size_of_its_own_at_every_step() -> None:
    method = _method(inner_steps=3)
    first, *_, last = method.step_sizes()
    assert set(first) == {"w1", "b1", "head", "head_bias"}
    assert first["w1"] is first["b1"]
    assert first["head"] is first["head_bias"]
    sizes = {float(torch.as_tensor(step[name]).detach()) for step in (first, last) for name in ("w1", "head")}
    assert len(sizes) == 4
    assert min(sizes) > 0
