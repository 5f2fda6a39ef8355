"""What holds for every method of the comparison."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from baselines.cases import (
    BASE,
    FEATURES,
    META_TRAINED,
    SMALL,
    make,
    meta_trained,
    normal,
    one,
    random_episodes,
)
from torch import Tensor

from desire_edge.baselines import METHODS, SEARCHES
from desire_edge.errors import DesireEdgeError
from desire_edge.training.inner_loop import EpisodeBatch

METHOD = pytest.mark.parametrize("name", METHODS)
ON_RAW_INPUT = {"maml", "maml++", "reptile", "ataml", "protonet"}


@METHOD
@pytest.mark.parametrize(("ways", "shots"), [(1, 1), (5, 1), (2, 5), (10, 3)])
def test_ways_and_shots_vary_from_batch_to_batch(name: str, ways: int, shots: int) -> None:
    method = make(name)
    episodes = random_episodes(0, 2, ways * shots, 4, ways)
    for logits in method(episodes):
        assert logits.shape == (2, ways * shots + 4, ways)
        assert logits.isfinite().all()


@METHOD
@pytest.mark.parametrize("training", [True, False])
def test_labels_may_come_in_any_order(name: str, training: bool) -> None:
    method, episodes = make(name).train(training), random_episodes(3, n=4)
    order = torch.tensor([2, 0, 3, 1])
    permuted = replace(
        episodes,
        targets=episodes.targets[..., order],
        mask=episodes.mask[..., order],
        w_novel=episodes.w_novel[..., order],
    )
    for logits, relabelled in zip(method(episodes), method(permuted), strict=True):
        torch.testing.assert_close(logits[..., order], relabelled, rtol=1e-10, atol=1e-12)


@METHOD
def test_support_rows_may_come_in_any_order(name: str) -> None:
    method, episodes = make(name), random_episodes(4)
    order = torch.tensor([3, 1, 4, 0, 2, *range(5, 9)])
    shuffled = replace(
        episodes, z=episodes.z[:, order], targets=episodes.targets[:, order], mask=episodes.mask[:, order]
    )
    for logits, moved in zip(method(episodes), method(shuffled), strict=True):
        torch.testing.assert_close(logits[:, order], moved, rtol=1e-10, atol=1e-12)


@METHOD
def test_episodes_of_a_batch_do_not_meet(name: str) -> None:
    method, episodes = make(name), random_episodes(5)
    together = method(episodes)
    for index in range(3):
        for logits, alone in zip(together, method(one(episodes, index)), strict=True):
            torch.testing.assert_close(logits[index], alone[0], rtol=1e-10, atol=1e-12)


@METHOD
def test_query_targets_are_not_looked_at(name: str) -> None:
    method, episodes = make(name), random_episodes(6)
    changed = episodes.targets.clone()
    changed[:, episodes.support :] = 1 - changed[:, episodes.support :]
    for logits, other in zip(method(episodes), method(replace(episodes, targets=changed)), strict=True):
        assert torch.equal(logits, other)


def _unknown_flipped(episodes: EpisodeBatch) -> EpisodeBatch:
    return replace(episodes, targets=torch.where(episodes.mask > 0, episodes.targets, 1 - episodes.targets))


@METHOD
def test_unknown_targets_change_no_logit(name: str) -> None:
    method, episodes = make(name), random_episodes(7)
    flipped = _unknown_flipped(episodes)
    assert not torch.equal(flipped.targets, episodes.targets)
    for logits, other in zip(method(episodes), method(flipped), strict=True):
        assert torch.equal(logits, other)


@pytest.mark.parametrize("name", META_TRAINED)
def test_unknown_targets_change_no_outer_step(name: str) -> None:
    after: list[list[Tensor]] = []
    losses = []
    for episodes in (random_episodes(8), _unknown_flipped(random_episodes(8))):
        method = meta_trained(name)
        losses.append(method.outer_step(method.optimizer(), episodes, 0.0))
        after.append([parameter.detach() for parameter in method.parameters()])
    assert losses[0] == losses[1]
    for parameter, other in zip(*after, strict=True):
        assert torch.equal(parameter, other)


@METHOD
def test_nothing_known_means_nothing_adapted(name: str) -> None:
    method, episodes = make(name), random_episodes(9)
    logits = method(replace(episodes, mask=torch.zeros_like(episodes.mask)))
    torch.testing.assert_close(logits[0], logits[-1], rtol=0, atol=0)
    assert logits[-1].isfinite().all()


@METHOD
def test_without_gradients_the_logits_are_the_same_and_carry_no_graph(name: str) -> None:
    method, episodes = make(name), random_episodes(10)
    with torch.no_grad():
        plain = method(episodes)
    for logits, other in zip(method(episodes), plain, strict=True):
        assert not other.requires_grad
        torch.testing.assert_close(logits, other, rtol=1e-12, atol=1e-12)


@METHOD
def test_weights_are_all_there_is_to_save(name: str) -> None:
    method, episodes = make(name), random_episodes(11)
    kind = METHODS[name]
    other = kind(normal(90, 30, FEATURES), normal(91, FEATURES, BASE), kind.CONFIG(**SMALL[name]))
    other.load_state_dict(method.state_dict())
    for logits, restored in zip(method(episodes), other(episodes), strict=True):
        assert torch.equal(logits, restored)


@METHOD
def test_a_trunk_is_for_methods_that_learn_features(name: str) -> None:
    if name in ON_RAW_INPUT:
        assert make(name, trunk=[6, 4])(random_episodes(12))[-1].shape == (3, 9, 3)
    elif name != "all-positive":
        with pytest.raises(DesireEdgeError, match="takes no trunk"):
            make(name, trunk=[6, 4])


@METHOD
def test_the_search_is_as_wide_for_every_method(name: str) -> None:
    kind = METHODS[name]
    settings = [kind.CONFIG(**overrides) for overrides in kind.SEARCH]
    assert settings[0] == kind.CONFIG()
    assert len(settings) == (SEARCHES if name != "all-positive" else 1)
    assert len({config.model_dump_json() for config in settings}) == len(settings)


@pytest.mark.parametrize("name", META_TRAINED)
def test_an_outer_step_that_is_not_finite_changes_nothing(name: str) -> None:
    method, episodes = meta_trained(name), random_episodes(13)
    before = [parameter.detach().clone() for parameter in method.parameters()]
    optimizer = method.optimizer()
    with pytest.raises(FloatingPointError, match="not finite"):
        method.outer_step(optimizer, replace(episodes, z=torch.full_like(episodes.z, torch.inf)), 0.5)
    for parameter, kept in zip(method.parameters(), before, strict=True):
        assert torch.equal(parameter, kept)


@pytest.mark.parametrize("name", [name for name in META_TRAINED if name != "reptile"])
def test_the_outer_learning_rate_falls_on_a_cosine(name: str) -> None:
    rates = []
    for progress in (0.0, 0.5, 0.9):
        method = meta_trained(name)
        optimizer = method.optimizer()
        method.outer_step(optimizer, random_episodes(14), progress)
        rates.append([group["lr"] / group["initial_lr"] for group in optimizer.param_groups])
    assert rates[0] == pytest.approx([1.0] * len(rates[0]))
    assert rates[1] == pytest.approx([0.5] * len(rates[1]))
    assert rates[2] == pytest.approx([0.0244717] * len(rates[2]), rel=1e-4)


@pytest.mark.parametrize("name", META_TRAINED)
def test_every_parameter_is_learned(name: str) -> None:
    method = meta_trained(name)
    before = [(label, parameter.detach().clone()) for label, parameter in method.named_parameters()]
    optimizer = method.optimizer()
    for index in range(3):
        method.outer_step(optimizer, random_episodes(20 + index), 0.0)
    for (label, old), new in zip(before, method.parameters(), strict=True):
        assert not torch.equal(old, new), label
