"""The plain baselines: what each computes, and what they make of labels that nothing can be fitted to."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from desire_edge.baselines import EVERY_PLAIN, PlainBaseline, PlainTask, Tfidf
from desire_edge.baselines.centroid import NearestCentroid
from desire_edge.baselines.cosine import Cosine
from desire_edge.baselines.logistic import Logistic
from desire_edge.baselines.logistic_cosine import LogisticCosine
from desire_edge.baselines.logistic_offset import LogisticOffset
from desire_edge.baselines.logistic_priors import LogisticPriors
from desire_edge.baselines.ridge import RidgeRegression
from desire_edge.baselines.tfidf import vectorizer
from desire_edge.metrics import micro_auc

EACH = pytest.mark.parametrize("baseline", EVERY_PLAIN, ids=[baseline.NAME for baseline in EVERY_PLAIN])
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
    cosines = (x_query @ names).astype(np.float32)
    return PlainTask(
        support={"unit": x_support, "raw": 3 * x_support},
        query={"unit": x_query, "raw": 3 * x_query},
        targets=np.eye(3, dtype=np.bool_)[support] if targets is None else targets,
        cosines={"shared": cosines},
        support_cosines={"shared": (x_support @ names).astype(np.float32)},
        mapped={3.0: cosines, 1.0: cosines},
        base_scores=(x_support[:, :4], x_query[:, :4]),
        inferred=cosines,
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
    x, x_query = task.support["raw"].astype(np.float64), task.query["raw"]
    found = {}
    for balanced in (False, True):
        weights = "balanced" if balanced else None
        model = OneVsRestClassifier(LogisticRegression(C=10.0, class_weight=weights, max_iter=1000, tol=1e-9))
        expected = model.fit(x, task.targets.astype(int)).decision_function(x_query)
        found[balanced] = Logistic().scores(task, {"features": "raw", "C": 10.0, "balanced": balanced})
        np.testing.assert_allclose(found[balanced], expected, atol=0.02)
    assert (found[True] > found[False]).all(), "the rarer class, that of the positives, weighs more"


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


def test_without_examples_only_names_fit_and_without_texts_all_but_tfidf() -> None:
    task = task_of()
    vectors = PlainTask(**{**vars(task), "support_texts": None, "query_texts": None, "corpus": None})
    nothing = PlainTask(**{**vars(task), "targets": np.zeros((0, 3), np.bool_), "support_texts": ()})
    assert [baseline.NAME for baseline in EVERY_PLAIN if not baseline.fits(vectors)] == ["tfidf"]
    assert [baseline.NAME for baseline in EVERY_PLAIN if baseline.fits(nothing)] == ["cosine", "eszsl"]
    np.testing.assert_array_equal(Cosine().scores(nothing, {"space": "shared"}), task.cosines["shared"])


def test_every_setting_finds_labels_whose_targets_are_partly_unknown() -> None:
    """Half of the targets; a bare user takes the others as negative, or leaves them out."""
    full = task_of(queries=90)
    known = np.random.default_rng(3).random(full.targets.shape) < 0.5
    task = PlainTask(**{**vars(full), "targets": full.targets & known, "known": known})
    truth = np.eye(3, dtype=np.bool_)[np.arange(90) % 3]
    for baseline in EVERY_PLAIN:
        settings = baseline.settings(task)
        ways = {setting.get("unknown") for setting in settings}
        assert ways == ({"negative", "left out"} if baseline.NEEDS_EXAMPLES else {None})
        assert len(settings) == len(baseline.settings(full)) * len(ways)
        for setting in settings:
            assert micro_auc(truth, baseline.scores(task, setting)) > 0.55, (baseline.NAME, setting)


@EACH
def test_what_is_left_out_does_not_count_and_what_is_negative_does(baseline: PlainBaseline) -> None:
    """A row that nothing is known of, left out, is as if it were not there."""
    full = task_of()
    known = np.ones_like(full.targets)
    known[-1] = False
    task = PlainTask(**{**vars(full), "targets": full.targets & known, "known": known})
    shorter = PlainTask(
        **{
            **vars(full),
            "targets": full.targets[:-1],
            "support": {kind: x[:-1] for kind, x in full.support.items()},
            "support_cosines": {space: cosines[:-1] for space, cosines in full.support_cosines.items()},
            "base_scores": (full.base_scores[0][:-1], full.base_scores[1]),
            "support_texts": (full.support_texts or ())[:-1],
        }
    )
    for setting in baseline.settings(shorter):
        if setting.get("idf") == "task":
            continue  # words of a text without labels count as words
        left_out = baseline.scores(task, {**setting, "unknown": "left out"})
        np.testing.assert_allclose(left_out, baseline.scores(shorter, setting), atol=0.1)
        negative = baseline.scores(task, {**setting, "unknown": "negative"})
        differs = baseline.NEEDS_EXAMPLES and setting.get("negatives", True)
        assert (np.abs(negative - left_out).max() > 0.002) == differs


def test_probabilities_are_those_that_scores_mean_and_half_is_the_decision() -> None:
    task = task_of()
    for baseline in EVERY_PLAIN:
        scores = baseline.scores(task, baseline.settings(task)[0])
        found = baseline.probabilities(scores)
        assert (found is None) == (baseline.NAME in ("cosine", "eszsl", "centroid"))
        if found is not None:
            assert found.min() >= 0
            assert found.max() <= 1
            np.testing.assert_array_equal(found >= 0.5, scores >= baseline.DECISION)


def test_the_centroid_is_how_much_nearer_the_positives_are() -> None:
    task = task_of()
    setting = {"features": "unit", "shrinkage": 0.0, "negatives": True}
    x, query = task.support["unit"].astype(np.float64), task.query["unit"].astype(np.float64)
    positive, negative = x[task.targets[:, 1]].mean(axis=0), x[~task.targets[:, 1]].mean(axis=0)
    expected = (((query - negative) ** 2).sum(axis=1) - ((query - positive) ** 2).sum(axis=1)) / 2
    np.testing.assert_allclose(NearestCentroid().scores(task, setting)[:, 1], expected, atol=1e-6)


def test_the_offset_is_part_of_what_is_fitted_and_the_priors_are_added() -> None:
    task = task_of()
    setting = {"space": "shared", "weight": 4.0, "C": 1.0, "balanced": True}
    fitted = Logistic().scores(task, {"features": "unit", "C": 1.0, "balanced": True})
    found = LogisticOffset().scores(task, setting)
    assert np.abs(found - (fitted + 4 * task.cosines["shared"])).max() > 0.5, "the name is not told twice"
    without = LogisticOffset().scores(task, {**setting, "weight": 0.0})
    np.testing.assert_allclose(without, fitted, atol=1e-9)
    both = LogisticPriors().scores(
        task,
        {"features": "unit", "C": 1.0, "balanced": True, "space": "shared", "cosine": 2.0, "base": 1.0},
    )
    np.testing.assert_allclose(both, fitted + 3 * task.cosines["shared"], rtol=1e-6)
