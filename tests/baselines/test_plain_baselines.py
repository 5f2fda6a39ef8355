"""The plain baselines: what each computes, and what they make of labels that nothing can be fitted to."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from desire_edge.baselines import PLAIN, PlainBaseline, PlainTask, Tfidf
from desire_edge.baselines.cosine import Cosine
from desire_edge.baselines.logistic import Logistic, log_odds
from desire_edge.baselines.logistic_cosine import LogisticCosine
from desire_edge.baselines.ridge import RidgeRegression
from desire_edge.baselines.tfidf import vectorizer
from desire_edge.metrics import micro_auc

EACH = pytest.mark.parametrize("baseline", PLAIN, ids=[baseline.NAME for baseline in PLAIN])
LABELS = ("bread", "bicycles", "jazz")
TEXTS = {
    "bread": "knead the dough and bake a loaf of bread",
    "bicycles": "a bicycle chain slips; oil the chain and the wheel",
    "jazz": "the trumpet plays a slow tune in the club",
}


def task_of(targets: NDArray[np.bool_] | None = None, queries: int = 9) -> PlainTask:
    """Three labels, three examples of each (or `targets` of nine), features that tell which."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 8))
    support = np.repeat(np.arange(3), 3)
    query = np.arange(queries) % 3

    def x(labels: NDArray[np.int64]) -> NDArray[np.float32]:
        noisy = centres[labels] + 0.7 * rng.normal(size=(len(labels), 8))
        unit: NDArray[np.float64] = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
        return unit.astype(np.float32)

    def texts(labels: NDArray[np.int64]) -> tuple[str, ...]:
        return tuple(f"{TEXTS[LABELS[label]]} number {row}" for row, label in enumerate(labels.tolist()))

    x_support, x_query = x(support), x(query)
    names = centres.T / np.linalg.norm(centres, axis=1)
    return PlainTask(
        support={"unit": x_support, "raw": 3 * x_support},
        query={"unit": x_query, "raw": 3 * x_query},
        targets=np.eye(3, dtype=np.bool_)[support] if targets is None else targets,
        cosines={"shared": (x_query @ names).astype(np.float32)},
        labels=LABELS,
        support_texts=texts(support),
        query_texts=texts(query),
        corpus=vectorizer().fit(list(TEXTS.values())),
    )


TRUTH = np.eye(3, dtype=np.bool_)[np.arange(9) % 3]


@EACH
def test_every_setting_beats_chance(baseline: PlainBaseline) -> None:
    task = task_of()
    settings = baseline.settings(task)
    assert len({str(setting) for setting in settings}) == len(settings)
    for setting in settings:
        scores = baseline.scores(task, setting)
        assert scores.shape == (9, 3)
        assert micro_auc(TRUTH, scores) > 0.75, setting


@EACH
def test_labels_that_all_or_none_of_the_examples_carry_get_finite_scores(baseline: PlainBaseline) -> None:
    targets = np.zeros((9, 3), np.bool_)
    targets[:, 0] = targets[:4, 1] = True
    task = task_of(targets)
    for setting in baseline.settings(task):
        assert np.isfinite(baseline.scores(task, setting)).all()


def test_one_class_is_a_constant_by_its_counts_and_with_the_cosine_goes_by_name() -> None:
    targets = np.zeros((9, 3), np.bool_)
    targets[:, 0] = targets[:4, 1] = True
    task = task_of(targets)
    setting = Logistic().settings(task)[0]
    scores = Logistic().scores(task, setting)
    np.testing.assert_allclose(scores[:, 0], np.log(9.5 / 0.5))
    np.testing.assert_allclose(scores[:, 2], np.log(0.5 / 9.5))
    added = LogisticCosine().scores(task, {**setting, "space": "shared", "weight": 6.0})
    np.testing.assert_allclose(added[:, 2], scores[:, 2] + 6 * task.cosines["shared"][:, 2])


def test_logistic_regression_is_scikit_learns_one_against_the_rest() -> None:
    task = task_of()
    model = OneVsRestClassifier(LogisticRegression(C=10.0, max_iter=1000)).fit(
        task.support["unit"], task.targets.astype(int)
    )
    found = log_odds(task.support["unit"], task.targets, task.query["unit"], C=10.0, balanced=False)
    np.testing.assert_allclose(found, model.decision_function(task.query["unit"]), rtol=1e-6)
    balanced = log_odds(task.support["unit"], task.targets, task.query["unit"], C=10.0, balanced=True)
    assert (balanced > found).all(), "the rarer class, that of the positives, weighs more"


def test_the_cosine_is_added_with_its_weight() -> None:
    task = task_of()
    fitted = {"features": "raw", "C": 1.0, "balanced": True}
    alone = Logistic().scores(task, fitted)
    added = LogisticCosine().scores(task, {**fitted, "space": "shared", "weight": 4.0})
    np.testing.assert_allclose(added, alone + 4 * task.cosines["shared"])


def test_ridge_is_the_closed_form() -> None:
    task = task_of()
    x = task.support["unit"].astype(np.float64)
    y = task.targets.astype(np.float64)
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + np.eye(8), centred.T @ (y - y.mean(axis=0)))
    expected = (task.query["unit"] - x.mean(axis=0)) @ weights + y.mean(axis=0)
    found = RidgeRegression().scores(task, {"features": "unit", "alpha": 1.0})
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_labels_name_is_a_support_text_of_its_own() -> None:
    """A query that shares a word with a name alone, and with no support text, is drawn to that label."""
    task = task_of()
    asked = PlainTask(**{**vars(task), "query_texts": ("jazz",)})
    scores = Tfidf().scores(asked, {"idf": "task", "C": 10.0})
    assert scores[0].argmax() == LABELS.index("jazz")
    renamed = PlainTask(**{**vars(asked), "labels": ("bread", "bicycles", "music")})
    assert scores[0, 2] > Tfidf().scores(renamed, {"idf": "task", "C": 10.0})[0, 2]


def test_without_examples_only_the_cosine_fits_and_without_texts_all_but_tfidf() -> None:
    task = task_of()
    vectors = PlainTask(**{**vars(task), "support_texts": None, "query_texts": None, "corpus": None})
    nothing = PlainTask(**{**vars(task), "targets": np.zeros((0, 3), np.bool_), "support_texts": ()})
    assert [baseline.NAME for baseline in PLAIN if not baseline.fits(vectors)] == ["tfidf"]
    assert [baseline.NAME for baseline in PLAIN if baseline.fits(nothing)] == ["cosine"]
    np.testing.assert_array_equal(Cosine().scores(nothing, {"space": "shared"}), task.cosines["shared"])
