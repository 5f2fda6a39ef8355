"""The supervised reference on a small synthetic set."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from desire_edge.baselines import SupervisedReference
from desire_edge.baselines.supervised import GRID, Kind
from desire_edge.metrics import micro_auc

KINDS: list[tuple[Kind, dict[str, float]]] = [
    ("ridge", {"alpha": 1.0}),
    ("logistic", {"C": 1.0}),
    ("mlp", {"alpha": 1e-3, "max_iter": 150}),
]
EACH = pytest.mark.parametrize(("kind", "options"), KINDS)


def _data(rows: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Five labels, from rare to frequent, that linear functions of six features and noise decide."""
    weights = np.random.default_rng(0).normal(size=(6, 5))
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6)).astype(np.float32)
    scores = x @ weights + rng.normal(size=(rows, 5)) + np.array([-3.0, -2.0, -1.0, 0.0, 2.0])
    return 40 + 7 * x, scores > 0


@EACH
@pytest.mark.parametrize("divide_priors", [False, True])
def test_scores_beat_chance(kind: Kind, options: dict[str, float], divide_priors: bool) -> None:
    fitted = SupervisedReference(kind, options, divide_priors=divide_priors).fit(*_data(600, 1))
    x, targets = _data(300, 2)
    scores = fitted.scores(x)
    assert scores.shape == targets.shape
    for label in range(5):
        assert micro_auc(targets[:, label], scores[:, label]) > 0.75


@EACH
def test_priors_are_divided_out(kind: Kind, options: dict[str, float]) -> None:
    x, targets = _data(400, 1)
    with_priors, without = (
        SupervisedReference(kind, options, divide_priors=divide).fit(x, targets).scores(x)
        for divide in (False, True)
    )
    share = targets.mean(axis=0)
    if kind == "ridge":
        np.testing.assert_allclose(without, with_priors / share, rtol=1e-12)
    else:
        odds = expit(with_priors) / expit(-with_priors) / (share / (1 - share))
        np.testing.assert_allclose(without, np.log(odds), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("kind", "options", "none"), [(*KINDS[0], 1.0), (*KINDS[1], 0.0)])
def test_what_uninformative_features_score_is_no_evidence(
    kind: Kind, options: dict[str, float], none: float
) -> None:
    """Where x says nothing, nothing is left without the prior: a ratio of 1 for ridge, log odds of 0 for logistic."""
    targets = _data(400, 1)[1]
    x = np.zeros((400, 3), np.float32)
    scores = SupervisedReference(kind, options, divide_priors=True).fit(x, targets).scores(x[:1])
    np.testing.assert_allclose(scores[0], none, atol=0.01)


@EACH
def test_a_label_that_nobody_or_everybody_carries_gets_finite_scores(
    kind: Kind, options: dict[str, float]
) -> None:
    x, targets = _data(100, 1)
    targets[:, 0], targets[:, 1] = False, True
    for divide in (False, True):
        scores = SupervisedReference(kind, options, divide_priors=divide).fit(x, targets).scores(x)
        assert np.isfinite(scores).all()


def test_the_perceptron_repeats_itself() -> None:
    x, targets = _data(200, 1)
    first, again, other = (
        SupervisedReference("mlp", {"max_iter": 3}, divide_priors=False, seed=seed).fit(x, targets).scores(x)
        for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_choose_takes_what_scores_best() -> None:
    x, targets = _data(120, 1)
    x_check, targets_check = _data(120, 2)
    tried: list[float] = []

    def metric(scores: NDArray[np.float64]) -> float:
        tried.append(micro_auc(targets_check, scores))
        return tried[-1]

    chosen = SupervisedReference.choose(x, targets, x_check, metric)
    assert len(tried) == 2 * len(GRID)
    assert len(set(tried)) > len(GRID)
    kind, options = GRID[int(np.argmax(tried)) // 2]
    assert (chosen.kind, chosen.options) == (kind, options)
    assert chosen.divide_priors == bool(np.argmax(tried) % 2)
    figure = micro_auc(targets_check, chosen.fit(x, targets).scores(x_check))
    assert figure == pytest.approx(max(tried))
