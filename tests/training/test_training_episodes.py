"""Training episodes: those of a fold keep to it, a batch is a function of its number, and what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.training.config import MetaConfig, TrainConfig
from desire_edge.training.episodes import EpisodeBatcher, EpisodeStream, check_episodes
from desire_edge.training.folds import Fold, folds_of

ROWS, LABELS, D, FOLDS = 300, 40, 4, 3
BASE = np.random.default_rng(1).permutation(LABELS)[:30]
TRAIN = np.sort(np.random.default_rng(2).permutation(ROWS)[:270])
TARGETS: NDArray[np.bool_] = np.random.default_rng(3).random((ROWS, LABELS)) < 0.25
META = MetaConfig(ways=(2, 4), shots=(1, 3), queries=2, episodes=3, folds=FOLDS)


def stream(known_labels: float = 0.0) -> tuple[EpisodeStream, tuple[Fold, ...]]:
    """Episodes whose features say where they come from: z[row] is (row, number of the fold, 0, 0)."""
    folds = folds_of(TrainConfig(meta=META), BASE, TRAIN)

    def features(number: int) -> torch.Tensor:
        z = torch.zeros(ROWS, D)
        z[:, 0], z[:, 1] = torch.arange(ROWS), number
        return z

    w = np.zeros((D, LABELS), np.float32)
    w[0] = np.arange(LABELS)  # label vectors say which label they are of
    batcher = EpisodeBatcher(features(-1), TARGETS, w, BASE)
    settings = META.model_copy(update={"known_labels": known_labels})
    pairs = [(fold, features(index)) for index, fold in enumerate(folds)]
    return EpisodeStream(TARGETS, BASE, TRAIN, batcher, settings, 0, pairs), folds


def test_an_episode_keeps_to_its_folds_features_labels_and_rows() -> None:
    episodes, folds = stream()
    seen = set()
    for index in range(30):
        batch = episodes.batch(index)
        (number,) = set(batch.z[..., 1].flatten().int().tolist())
        seen.add(number)
        fold, s = folds[number], batch.support
        rows = batch.z[..., 0].long().numpy()
        labels = batch.w_novel[:, 0].long().numpy()
        assert np.isin(labels, fold.labels).all()
        assert np.isin(rows[:, :s], fold.rows).all()
        assert np.isin(rows[:, s:], fold.queries).all()
        for row, label, target in zip(rows, labels, batch.targets, strict=True):
            assert (target.numpy() == TARGETS[np.ix_(row, label)]).all()
    assert seen == set(range(FOLDS))


def test_all_labels_of_the_fold_are_masked_and_no_others() -> None:
    episodes, folds = stream()
    for index in range(10):
        batch = episodes.batch(index)
        fold = folds[int(batch.z[0, 0, 1])]
        assert batch.base_mask is not None
        expected = np.tile(~np.isin(BASE, fold.labels), (META.episodes, 1))
        assert (batch.base_mask.numpy() == expected).all()


def test_without_folds_an_episode_masks_its_own_labels_alone() -> None:
    w = np.tile(np.arange(LABELS, dtype=np.float32), (D, 1))
    batcher = EpisodeBatcher(torch.zeros(ROWS, D), TARGETS, w, BASE)
    batch = EpisodeStream(TARGETS, BASE, TRAIN, batcher, META, 0).batch(0)
    assert batch.base_mask is not None
    for keep, labels in zip(batch.base_mask.numpy(), batch.w_novel[:, 0].long().numpy(), strict=True):
        assert (keep == ~np.isin(BASE, labels)).all()


def test_episodes_are_a_function_of_their_number() -> None:
    """As a resumed run needs it: batch 5 is the same whether or not the first four were drawn."""
    first, _ = stream(known_labels=0.5)
    second, _ = stream(known_labels=0.5)
    drawn = [first.batch(index) for index in range(6)][5]
    alone = second.batch(5)
    assert torch.equal(drawn.z, alone.z)
    assert torch.equal(drawn.w_novel, alone.w_novel)
    assert (drawn.known_labels is None) == (alone.known_labels is None)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 8, 32), (1.0, 40, 40)])
def test_known_labels_are_given_to_their_share_of_the_batches(share: float, least: int, most: int) -> None:
    episodes, _ = stream(share)
    batches = [episodes.batch(index) for index in range(40)]
    known = [batch for batch in batches if batch.known_labels is not None]
    assert least <= len(known) <= most
    for batch in known:
        assert batch.known_labels is not None
        rows = batch.z[..., 0].long().numpy()
        assert (batch.known_labels.numpy() == TARGETS[rows][:, :, BASE]).all()


def test_novel_labels_mask_nothing() -> None:
    novel = np.setdiff1d(np.arange(LABELS), BASE)
    batcher = EpisodeBatcher(torch.zeros(ROWS, D), TARGETS, np.zeros((D, LABELS), np.float32), BASE)
    sampler = EpisodeSampler(TARGETS, novel, TRAIN, TRAIN, ways=3, shots=1, queries=2)
    batch = batcher.stack([sampler.sample(np.random.default_rng(0))])
    assert batch.base_mask is None
    assert batch.known_labels is None


def test_episodes_that_cannot_be_drawn_name_the_settings() -> None:
    targets = np.eye(6, dtype=bool).repeat(4, axis=0)
    labels, rows = np.arange(6), np.arange(24)
    check_episodes(targets, labels, rows, rows, MetaConfig(ways=(2, 5), shots=(1, 2), queries=2))
    with pytest.raises(DesireEdgeError, match=r"6 base labels .* 5 ways and 3 shots .* lower meta\.ways"):
        check_episodes(targets, labels, rows, rows, MetaConfig(ways=(2, 5), shots=(1, 3), queries=2))
