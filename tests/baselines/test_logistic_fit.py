"""Logistic regression of all labels at once, held to scikit-learn's, and with an offset to Newton's steps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from desire_edge.baselines.logistic_fit import coordinates, log_odds

RNG = np.random.default_rng(1)
X, QUERY = RNG.normal(size=(30, 12)), RNG.normal(size=(9, 12))
TARGETS = X @ RNG.normal(size=(12, 4)) + RNG.normal(size=(30, 4)) > 0.5
OFFSET = RNG.normal(size=(30, 4))
KNOWN = RNG.random(size=(30, 4)) < 0.7


def newton(
    x: NDArray[np.float64],
    y: NDArray[np.bool_],
    weight: NDArray[np.float64],
    offset: NDArray[np.float64],
    C: float,
) -> NDArray[np.float64]:
    """The weights and the bias of one label, by Newton's steps, with all of x and the Hessian written out."""
    ones = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.diag([1.0] * x.shape[1] + [0.0])
    w = np.zeros(x.shape[1] + 1)
    for _ in range(60):
        p = 1 / (1 + np.exp(-(offset + ones @ w)))
        gradient = C * ones.T @ (weight * (p - y)) + penalty @ w
        hessian = C * (ones * (weight * p * (1 - p))[:, None]).T @ ones + penalty
        w = w - np.linalg.solve(hessian, gradient)
    return w


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_it_is_scikit_learns_optimum(C: float, balanced: bool) -> None:
    found = log_odds(X, TARGETS, QUERY, C=C, balanced=balanced, known=KNOWN, tolerance=1e-9)
    for label in range(4):
        rows = KNOWN[:, label]
        weights = "balanced" if balanced else None
        model = LogisticRegression(C=C, class_weight=weights, tol=1e-10, max_iter=10000)
        model.fit(X[rows], TARGETS[rows, label])
        np.testing.assert_allclose(found[:, label], model.decision_function(QUERY), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("balanced", [False, True])
def test_with_an_offset_it_is_the_optimum_of_the_loss_written_out(balanced: bool) -> None:
    found = log_odds(X, TARGETS, QUERY, C=2.0, balanced=balanced, known=KNOWN, offset=OFFSET, tolerance=1e-9)
    for label in range(4):
        known, y = KNOWN[:, label], TARGETS[:, label]
        weight = known.astype(np.float64)
        if balanced:
            count = known.sum()
            weight *= np.where(y, count / (2 * (known & y).sum()), count / (2 * (known & ~y).sum()))
        w = newton(X, y, weight, OFFSET[:, label], 2.0)
        np.testing.assert_allclose(found[:, label], QUERY @ w[:-1] + w[-1], rtol=1e-4, atol=1e-4)


def products(x: NDArray[np.float64], y: NDArray[np.float64], *, centred: bool) -> NDArray[np.float64]:
    """x's with y's rows, both less x's mean where they are centred."""
    mean = x.mean(axis=0) if centred else 0
    found: NDArray[np.float64] = (x - mean) @ (y - mean).T if centred else x @ y.T
    return found


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("rows", [8, 30])
def test_in_principal_axes_the_same_is_fitted(rows: int, sparse: bool) -> None:
    given, targets = X[:rows], TARGETS[:rows]
    full = log_odds(given, targets, QUERY, C=5.0, balanced=True, tolerance=1e-10)
    x, x_query = coordinates(*((csr_matrix(given), csr_matrix(QUERY)) if sparse else (given, QUERY)))
    assert x.shape == (rows, min(rows, 12) - (not sparse and rows == 8)), "a mean less is an axis less"
    np.testing.assert_allclose(x @ x.T, products(given, given, centred=not sparse), atol=1e-9)
    columns = x.T @ x
    np.testing.assert_allclose(columns, np.diag(np.diag(columns)), atol=1e-9)
    found = log_odds(x, targets, x_query, C=5.0, balanced=True, tolerance=1e-10)
    np.testing.assert_allclose(found, full, atol=1e-4)


@pytest.mark.parametrize("sparse", [False, True])
def test_doubled_rows_and_rows_of_zeros_have_axes_too(sparse: bool) -> None:
    twice = np.concatenate([X[:3], X[:3], np.zeros((2, 12))])
    x, x_query = coordinates(*((csr_matrix(twice), csr_matrix(QUERY)) if sparse else (twice, QUERY)))
    assert x.shape == (8, 3)
    np.testing.assert_allclose(x @ x.T, products(twice, twice, centred=not sparse), atol=1e-9)
    np.testing.assert_allclose(x_query @ x.T, products(twice, QUERY, centred=not sparse).T, atol=1e-9)
    for nothing in (np.zeros((3, 12)), X[:1]):
        empty = coordinates(*((csr_matrix(0 * nothing), csr_matrix(QUERY)) if sparse else (nothing, QUERY)))
        assert [rows.shape for rows in empty] == [(len(nothing), 0), (9, 0)]
        scores = log_odds(empty[0], TARGETS[: len(nothing)], empty[1], C=1.0, balanced=False)
        assert np.isfinite(scores).all()


def test_the_default_tolerance_is_nearer_than_scikit_learns() -> None:
    x = np.random.default_rng(4).normal(size=(60, 40))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = x[:, :1] + 0.3 * x[:, 1:2] > 0.1
    axes, _ = coordinates(x, x)
    exact = log_odds(axes, y, axes, C=100.0, balanced=True, tolerance=1e-9)
    found = log_odds(axes, y, axes, C=100.0, balanced=True)
    model = LogisticRegression(C=100.0, class_weight="balanced", max_iter=1000).fit(x, y[:, 0])
    theirs = np.abs(model.decision_function(x) - exact[:, 0]).max()
    assert np.abs(found - exact).max() < theirs


def test_a_label_that_nothing_can_be_fitted_to_has_the_log_odds_of_what_is_known() -> None:
    known = np.zeros_like(TARGETS)
    known[:5, 1] = known[:, 2] = True
    targets = TARGETS.copy()
    targets[:5, 1] = True
    found = log_odds(X, targets, QUERY, C=1.0, balanced=True, known=known)
    np.testing.assert_allclose(found[:, 0], 0)
    np.testing.assert_allclose(found[:, 1], np.log(5.5 / 0.5))
    assert np.ptp(found[:, 2]) > 0
