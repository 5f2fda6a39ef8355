"""Partly known targets: which are, how many, and that they are the same for whoever asks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from desire_edge.data import TARGETS, EpisodeSampler, Targets, known_targets, load_dataset

SUPPORT = np.random.default_rng(0).random((200, 50)) < 0.3


def known(kind: Targets, key: tuple[int, ...] = (0, 5)) -> NDArray[np.bool_]:
    found = known_targets(kind, SUPPORT, key)
    assert found is not None
    assert found.shape == SUPPORT.shape
    return found


def test_full_targets_have_no_mask() -> None:
    assert known_targets("full", SUPPORT, (0,)) is None


def test_half_knows_half_of_both_classes() -> None:
    found = known("half")
    assert found[SUPPORT].mean() == pytest.approx(0.5, abs=0.03)
    assert found[~SUPPORT].mean() == pytest.approx(0.5, abs=0.03)


def test_positives_are_all_known_and_of_the_negatives_none_or_a_tenth() -> None:
    np.testing.assert_array_equal(known("positives"), SUPPORT)
    few = known("few-negatives")
    assert few[SUPPORT].all()
    assert few[~SUPPORT].mean() == pytest.approx(0.1, abs=0.02)


def test_of_single_positives_each_example_has_the_label_it_was_drawn_for() -> None:
    """Whatever else it carries is unknown, and so are all negatives."""
    sample = load_dataset("sample")
    rows = np.arange(len(sample.targets))
    labels = np.argsort(-sample.targets.sum(axis=0))[:12]
    sampler = EpisodeSampler(sample.targets, labels, rows, rows, ways=4, shots=3, queries=1)
    more = 0
    for seed in range(20):
        episode = sampler.sample(np.random.default_rng(seed))
        support = sample.targets[np.ix_(episode.support, episode.labels)]
        found = known_targets("single", support, (0,))
        assert found is not None
        np.testing.assert_array_equal(found, np.repeat(np.eye(4, dtype=np.bool_), 3, axis=0))
        assert support[found].all()
        more += int((support & ~found).sum())
    assert more > 0, "some examples carry another label of the task as well"


@pytest.mark.parametrize("kind", TARGETS)
def test_the_same_key_gives_the_same_and_nothing_else_of_the_task_changes_it(kind: Targets) -> None:
    first, again = known_targets(kind, SUPPORT, (3, 1)), known_targets(kind, SUPPORT, (3, 1))
    if first is None:
        assert again is None
        return
    np.testing.assert_array_equal(first, again)
    first[:] = False
    assert SUPPORT.any(), "the mask is no view of the targets"
    if kind in ("half", "few-negatives"):
        other = known_targets(kind, SUPPORT, (3, 2))
        assert other is not None
        assert (other != again).any()
