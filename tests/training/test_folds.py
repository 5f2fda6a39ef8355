"""Cross-fitting: how labels and rows are split."""

from __future__ import annotations

from typing import get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from desire_edge.training.config import Protocol, TrainConfig
from desire_edge.training.folds import folds_of

BASE = np.random.default_rng(1).permutation(40)[:30]
TRAIN = np.sort(np.random.default_rng(2).permutation(300)[:270])


def config(protocol: str, folds: int, seed: int = 0) -> TrainConfig:
    return TrainConfig.model_validate({"protocol": protocol, "seed": seed, "meta": {"folds": folds}})


def joined(parts: list[NDArray[np.int64]]) -> list[int]:
    return sorted(np.concatenate(parts).tolist())


@given(
    st.sampled_from(get_args(Protocol)), st.integers(1, 20), st.integers(0, 9), st.integers(20, 60), st.data()
)
def test_every_label_and_row_is_held_out_once(
    protocol: str, count: int, seed: int, labels: int, data: st.DataObject
) -> None:
    base = np.array(data.draw(st.permutations(range(100, 100 + labels))))
    rows = np.arange(0, 2 * data.draw(st.integers(20, 80)), 2)
    folds = folds_of(config(protocol, count, seed), base, rows)
    assert len(folds) == count
    assert joined([fold.labels for fold in folds]) == sorted(base.tolist())  # disjoint, and all of them
    sizes = [len(fold.labels) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for fold in folds:
        if protocol == "label-disjoint":
            assert (fold.rows == rows).all()
            assert (fold.queries == rows).all()
        else:
            assert joined([fold.rows, fold.queries]) == rows.tolist()
    if protocol != "label-disjoint":
        assert joined([fold.queries for fold in folds]) == rows.tolist()


def test_without_folds_there_are_none() -> None:
    assert folds_of(config("example-disjoint", 0), BASE, TRAIN) == ()


def test_folds_are_the_seeds() -> None:
    def labels(seed: int) -> list[list[int]]:
        found = folds_of(config("example-disjoint", 3, seed), BASE, TRAIN)
        return [fold.labels.tolist() for fold in found]

    assert labels(0) == labels(0) != labels(1)
