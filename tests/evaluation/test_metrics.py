"""Metrics against values worked out by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from desire_edge.metrics import Estimate, best_micro_f1, macro_auc, micro_auc, micro_f1

TARGETS = np.array([[1, 0], [0, 1], [0, 0]], bool)
SCORES = np.array([[0.9, 0.2], [0.8, 0.5], [0.1, 0.6]])
"""By hand. Positives 0.9 and 0.5 against negatives 0.2, 0.8, 0.1, 0.6: 0.9 beats four, 0.5 beats two: 6 of 8 pairs.
First label: 0.9 beats 0.8 and 0.1. Second: 0.5 beats 0.2, not 0.6."""


def test_by_hand() -> None:
    assert micro_auc(TARGETS, SCORES) == pytest.approx(6 / 8)
    assert macro_auc(TARGETS, SCORES) == pytest.approx((1 + 1 / 2) / 2)
    # From 0.5 up: 0.9, 0.8, 0.5, 0.6 are called, two of them rightly; none is missed.
    assert micro_f1(TARGETS, SCORES >= 0.5) == pytest.approx(2 * 2 / (2 * 2 + 2 + 0))


def test_ties_count_half() -> None:
    assert micro_auc(np.array([[1, 0]], bool), np.array([[0.3, 0.3]])) == 0.5


def test_a_label_with_one_class_has_no_auc_and_is_left_out() -> None:
    targets = np.column_stack([TARGETS, [True] * 3, [False] * 3])
    scores = np.column_stack([SCORES, SCORES])
    assert macro_auc(targets, scores) == macro_auc(TARGETS, SCORES)


@pytest.mark.parametrize("value", [True, False])
def test_where_only_one_class_occurs_there_is_no_auc(value: bool) -> None:
    targets = np.full((3, 2), value)
    assert math.isnan(micro_auc(targets, SCORES))
    assert math.isnan(macro_auc(targets, SCORES))


def test_f1_where_nothing_is_true_and_nothing_called_is_0() -> None:
    assert micro_f1(np.zeros((2, 2), bool), np.zeros((2, 2), bool)) == 0


@given(npst.arrays(bool, (6, 3)), npst.arrays(np.float32, (6, 3), elements=st.floats(-5, 5, width=32)))
def test_as_scikit_learn_has_them(targets: NDArray[np.bool_], scores: NDArray[np.float32]) -> None:
    assume(targets.any(axis=0).all() and not targets.all(axis=0).any())
    assert micro_auc(targets, scores) == pytest.approx(roc_auc_score(targets, scores, average="micro"))
    assert macro_auc(targets, scores) == pytest.approx(roc_auc_score(targets, scores, average="macro"))
    expected = f1_score(targets, scores > 0, average="micro", zero_division=0)
    assert micro_f1(targets, scores > 0) == pytest.approx(expected)
    thresholds = [micro_f1(targets, scores >= threshold) for threshold in np.unique(scores)]
    assert best_micro_f1(targets, scores) == pytest.approx(max(thresholds))


def test_an_estimate_is_a_mean_with_a_95_percent_interval() -> None:
    # Standard deviation 1 over n = 4: 1.96 / √4.
    estimate = Estimate.of(
        [1 - math.sqrt(0.75), 1 - math.sqrt(0.75), 1 + math.sqrt(0.75), 1 + math.sqrt(0.75)]
    )
    assert estimate.mean == pytest.approx(1)
    assert estimate.half_width == pytest.approx(0.98)
    assert estimate.tasks == 4


def test_tasks_without_a_figure_are_left_out_of_an_estimate() -> None:
    assert Estimate.of([0.5, float("nan"), 0.7]) == Estimate.of([0.5, 0.7])
    assert Estimate.of([float("nan")]).tasks == 0
    assert math.isnan(Estimate.of([]).mean)
    assert math.isnan(Estimate.of([0.5]).half_width)


def test_the_interval_covers_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(0)
    estimates = [Estimate.of(rng.normal(0.8, 0.1, 100).tolist()) for _ in range(2000)]
    covered = np.mean([abs(estimate.mean - 0.8) <= estimate.half_width for estimate in estimates])
    assert 0.93 < covered < 0.97


@given(parts=st.lists(st.lists(st.floats(0, 1), max_size=6), min_size=1, max_size=4))
def test_pooled_estimates_are_those_of_all_tasks_together(parts: list[list[float]]) -> None:
    pooled = Estimate.pooled(Estimate.of(part) for part in parts)
    together = Estimate.of([value for part in parts for value in part])
    assert pooled.tasks == together.tasks
    assert pooled.mean == pytest.approx(together.mean, nan_ok=True)
    assert pooled.half_width == pytest.approx(together.half_width, abs=1e-7, nan_ok=True)
