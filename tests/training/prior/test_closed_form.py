"""Ridge classifiers with the penalty of cross-validation, and the maps to names, against scikit-learn and by sense."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge, RidgeCV

from desire_edge.training.prior import closed_form
from desire_edge.training.prior.closed_form import PENALTIES, Sums, classifiers, fit
from desire_edge.training.prior.learner import PriorLearner

ROWS, D, BASE, NAMES = 300, 20, 12, 8


def data(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """z [rows, d] unit, targets [rows, B] that z says something of, and names [d_w, B]."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(ROWS, D))
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    to_names = rng.normal(size=(D, NAMES))
    names = rng.normal(size=(NAMES, BASE))
    scores = z @ to_names @ names
    targets = scores > np.quantile(scores, 0.8, axis=0)
    return torch.from_numpy(z).float(), torch.from_numpy(targets), torch.from_numpy(names).float()


def wanted(targets: torch.Tensor) -> np.ndarray:
    y = targets.numpy().astype(np.float64)
    return np.asarray((y - y.mean(axis=0)) / np.sqrt(y.std(axis=0)))


@pytest.mark.parametrize("chunk", [64, 8192])
def test_sums_are_those_of_all_rows_at_once(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(closed_form, "CHUNK", chunk)
    z, targets, _ = data()
    sums, x, y = Sums.of(z, targets), z.double().numpy(), wanted(targets)
    np.testing.assert_allclose(sums.gram, x.T @ x, atol=1e-12)
    np.testing.assert_allclose(sums.products, x.T @ y, atol=1e-12)
    np.testing.assert_allclose(sums.squares, (y**2).sum(axis=0), atol=1e-9)


def test_classifiers_are_ridge_regression_with_the_penalty_of_cross_validation() -> None:
    z, targets, _ = data()
    found, penalty = classifiers(Sums.of(z, targets))
    x, y = z.double().numpy(), wanted(targets)
    expected = Ridge(alpha=penalty, fit_intercept=False).fit(x, y).coef_.T
    np.testing.assert_allclose(found, expected, atol=1e-9)
    left_out = (
        RidgeCV(alphas=PENALTIES, fit_intercept=False).fit(x, y).alpha_
    )  # leave-one-out, not generalised
    assert abs(PENALTIES.index(penalty) - PENALTIES.index(left_out)) <= 1


def test_more_noise_asks_for_a_larger_penalty() -> None:
    z, targets, _ = data()
    noise = torch.from_numpy(np.random.default_rng(1).random(targets.shape) < 0.2)
    assert classifiers(Sums.of(z, noise))[1] > classifiers(Sums.of(z, targets))[1]


@pytest.mark.parametrize("shared", [False, True])
def test_fit_makes_a_head_that_knows_labels_by_name(shared: bool) -> None:
    z, targets, names = data()
    if shared:  # names among the features
        rng = np.random.default_rng(2)
        names = torch.from_numpy(rng.normal(size=(D, BASE))).float()
        scores = z @ names
        targets = scores > scores.quantile(0.8, dim=0)
    base, novel = slice(0, 9), slice(9, BASE)
    learner = PriorLearner(D, len(names), 9, shared_space=shared)
    assert fit(learner, z, targets[:, base], names[:, base]) in PENALTIES
    assert (learner.name_map is None) == shared
    scores = torch.sigmoid(z @ learner.r + learner.base_bias)
    assert abs(float(scores.mean()) - float(targets[:, base].float().mean())) < 0.02
    u = torch.nn.functional.normalize(z @ learner.r)
    assert float((u @ learner.inference).norm(dim=1).mean()) == pytest.approx(1, abs=1e-4)
    w = learner.names(names[:, novel])
    said = z @ (w if learner.name_map is None else learner.name_map @ w)
    truth = targets[:, novel]
    for column in range(truth.shape[1]):
        values, holds = said[:, column], truth[:, column]
        assert float(values[holds].mean()) > float(values[~holds].mean()) + float(values.std())


def test_a_label_that_nobody_carries_is_no_trouble() -> None:
    z, targets, names = data()
    targets[:, 0] = False
    learner = PriorLearner(D, NAMES, BASE, shared_space=False)
    fit(learner, z, targets, names)
    assert all(bool(buffer.isfinite().all()) for buffer in learner.buffers())
