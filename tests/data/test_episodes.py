"""What every drawn task holds to, on random targets and on Delicious."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from desire_edge.data import Dataset, Episode, EpisodeSampler, protocol_rows, split_labels
from desire_edge.errors import DesireEdgeError


def random_targets(rows: int, labels: int, seed: int) -> NDArray[np.bool_]:
    """Labels of very different frequency, many of them on the same rows."""
    rng = np.random.default_rng(seed)
    return rng.random((rows, labels)) < rng.uniform(0.05, 0.6, labels)


def check(
    episode: Episode,
    targets: NDArray[np.bool_],
    pools: tuple[NDArray[np.int64], NDArray[np.int64]],
    shape: tuple[int, int, int],
) -> None:
    """Every promise of `Episode` for an eligible task of `shape` (ways, shots, queries)."""
    ways, shots, queries = shape
    assert len(np.unique(episode.labels)) == len(episode.labels) == ways
    assert len(episode.support) == ways * shots and len(episode.query) == ways * queries
    assert len(np.unique(np.concatenate([episode.support, episode.query]))) == ways * (shots + queries)
    assert np.isin(episode.support, pools[0]).all() and np.isin(episode.query, pools[1]).all()
    assert targets[episode.support, np.repeat(episode.labels, shots)].all()
    assert targets[episode.query, np.repeat(episode.labels, queries)].all()


@given(
    seed=st.integers(0, 10_000),
    ways=st.integers(1, 5),
    shots=st.integers(0, 4),
    queries=st.integers(1, 6),
    pools=st.sampled_from(["same", "apart", "overlapping"]),
)
def test_an_episode_keeps_its_promises(seed: int, ways: int, shots: int, queries: int, pools: str) -> None:
    targets = random_targets(160, 12, seed)
    rows = np.random.default_rng(seed).permutation(160).astype(np.int64)
    support, query = {
        "same": (rows, rows),
        "apart": (rows[:80], rows[80:]),
        "overlapping": (rows[:110], rows[50:]),
    }[pools]
    labels = np.arange(2, 12, dtype=np.int64)
    try:
        sampler = EpisodeSampler(targets, labels, support, query, ways=ways, shots=shots, queries=queries)
    except DesireEdgeError:
        assume(False)
    assert set(sampler.eligible) <= set(labels)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        episode = sampler.sample(rng)
        assert np.isin(episode.labels, sampler.eligible).all()
        check(episode, targets, (support, query), (ways, shots, queries))


def test_eligibility_counts_what_the_support_takes() -> None:
    # Label 0 has five rows, label 1 six, label 2 only two.
    targets = np.zeros((20, 3), dtype=np.bool_)
    targets[:5, 0] = targets[5:11, 1] = targets[11:13, 2] = True
    everything, labels = np.arange(20), np.arange(3)
    shared = EpisodeSampler(targets, labels, everything, everything, ways=1, shots=2, queries=4)
    np.testing.assert_array_equal(shared.eligible, [1])
    shared = EpisodeSampler(targets, labels, everything, everything, ways=1, shots=1, queries=4)
    np.testing.assert_array_equal(shared.eligible, [0, 1])
    # A support row that no query can be drawn from costs the query nothing.
    apart = EpisodeSampler(targets, labels, np.array([0, 5, 11]), np.arange(20), ways=1, shots=1, queries=5)
    np.testing.assert_array_equal(apart.eligible, [1])
    apart = EpisodeSampler(
        targets, labels, np.array([0, 5, 11]), np.arange(1, 20), ways=1, shots=1, queries=4
    )
    np.testing.assert_array_equal(apart.eligible, [0, 1])


def test_all_labels_give_the_queries_they_have() -> None:
    targets = np.zeros((40, 3), dtype=np.bool_)
    targets[:30, 0] = targets[30:34, 1] = targets[34:35, 2] = True
    everything, labels = np.arange(40), np.arange(3)
    sampler = EpisodeSampler(
        targets, labels, everything, everything, ways=3, shots=1, queries=15, eligible_only=False
    )
    np.testing.assert_array_equal(sampler.eligible, [0])
    np.testing.assert_array_equal(sampler.drawn, [0, 1, 2])
    episode = sampler.sample(np.random.default_rng(0))
    assert dict(zip(range(3), targets[episode.query].sum(axis=0).tolist(), strict=True)) == {
        0: 15,
        1: 3,
        2: 0,
    }
    assert len(np.unique(np.concatenate([episode.support, episode.query]))) == 3 + 18


def test_a_task_that_cannot_be_filled_is_redrawn() -> None:
    # Labels 0 and 1 stand on the same four rows, so no task can hold both; either goes with label 2.
    targets = np.zeros((10, 3), dtype=np.bool_)
    targets[:4, 0] = targets[:4, 1] = targets[4:, 2] = True
    rows = np.arange(10)
    sampler = EpisodeSampler(targets, np.arange(3), rows, rows, ways=2, shots=1, queries=3)
    rng = np.random.default_rng(0)
    assert {tuple(sorted(sampler.sample(rng).labels.tolist())) for _ in range(50)} == {(0, 2), (1, 2)}


def test_labels_that_can_never_be_filled_together_are_an_error() -> None:
    targets = np.ones((4, 2), dtype=np.bool_)
    sampler = EpisodeSampler(targets, np.arange(2), np.arange(4), np.arange(4), ways=2, shots=1, queries=3)
    with pytest.raises(DesireEdgeError, match="no 2-way 1-shot task with distinct rows"):
        sampler.sample(np.random.default_rng(0))


def test_too_few_labels_and_senseless_sizes_are_refused() -> None:
    targets, rows = np.ones((20, 2), dtype=np.bool_), np.arange(20)
    with pytest.raises(
        DesireEdgeError, match="only 2 of 2 labels have 1 support and 3 query rows, too few for 5 ways"
    ):
        EpisodeSampler(targets, np.arange(2), rows, rows, ways=5, shots=1, queries=3)
    with pytest.raises(DesireEdgeError, match="at least one way and one query, not 0 and 3"):
        EpisodeSampler(targets, np.arange(2), rows, rows, ways=0, shots=1, queries=3)
    with pytest.raises(DesireEdgeError, match="and no fewer than 0 shots, not -1"):
        EpisodeSampler(targets, np.arange(2), rows, rows, ways=2, shots=-1, queries=3)


def test_the_same_seed_gives_the_same_tasks() -> None:
    targets, rows = random_targets(200, 10, 0), np.arange(200)
    sampler = EpisodeSampler(targets, np.arange(10), rows, rows, ways=3, shots=2, queries=4)
    first, second, other = (sampler.sample(np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.support, second.support)
    np.testing.assert_array_equal(first.query, second.query)
    assert not np.array_equal(first.query, other.query)


def test_labels_and_rows_are_drawn_evenly() -> None:
    # One label a row, so that no draw constrains another.
    targets = np.repeat(np.eye(6, dtype=np.bool_), 20, axis=0)
    rows = np.arange(120)
    sampler = EpisodeSampler(targets, np.arange(6), rows, rows, ways=2, shots=3, queries=5)
    rng = np.random.default_rng(0)
    labels, support, query = np.zeros(6), np.zeros(120), np.zeros(120)
    draws = 6000
    for _ in range(draws):
        episode = sampler.sample(rng)
        labels[episode.labels] += 1
        support[episode.support] += 1
        query[episode.query] += 1
    # Five standard deviations of the binomial counts.
    for counts, share in ((labels, 2 / 6), (support, 6 / 120), (query, 10 / 120)):
        assert np.abs(counts - draws * share).max() < 5 * np.sqrt(draws * share * (1 - share))


@pytest.mark.parametrize(("ways", "shots"), [(5, 1), (10, 5)])
def test_delicious_tasks_over_the_novel_labels(delicious: Dataset, ways: int, shots: int) -> None:
    novel = split_labels(len(delicious.labels), 0).novel
    rows = protocol_rows(delicious, "example-disjoint", hold_out=False, seed=0)
    sampler = EpisodeSampler(delicious.targets, novel, rows.support, rows.query, ways=ways, shots=shots)
    rng = np.random.default_rng(0)
    for _ in range(100):
        check(sampler.sample(rng), delicious.targets, (rows.support, rows.query), (ways, shots, 15))


def test_a_training_episode_costs_little(delicious: Dataset) -> None:
    base = split_labels(len(delicious.labels), 0).base
    rows = protocol_rows(delicious, "streaming", hold_out=False, seed=0).train
    sampler = EpisodeSampler(delicious.targets, base, rows, rows, ways=5, shots=1)
    rng = np.random.default_rng(0)
    started = time.process_time()
    for _ in range(1000):
        sampler.sample(rng)
    # About 0.1 ms each on a slow laptop; the bound leaves room for a busy machine.
    assert time.process_time() - started < 1.0
