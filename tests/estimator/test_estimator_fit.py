"""`DesireClassifier`: the same tasks as `Bundle.adapt` makes, by scikit-learn's rules, in its pipelines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from estimator.cases import BUNDLE, FOLDER, LISTS, MARKS, NAMES, NEW, TABLE, TASK, TEXTS, WIDTH, fitted
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn
from ragged import image_bundle, tiny_tokenizer, tokens_bundle
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import MultiLabelBinarizer

from desire_edge import Bundle, DesireClassifier, DesireEdgeError, Support

# What is learned


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (LISTS, None),
        (LISTS, NAMES),
        (pd.Series(LISTS), None),
        (np.array([*LISTS, None], object)[:-1], None),
        (iter(map(iter, LISTS)), None),
        (MARKS, NAMES),
        (MARKS.astype(bool), iter(NAMES)),
        (MARKS.astype(object), np.array(NAMES)),
        (MARKS.tolist(), NAMES),
        (list(MARKS.astype(np.float32)), NAMES),
        (sp.csr_matrix(MARKS), NAMES),
        (sp.coo_array(MARKS), NAMES),
        (pd.DataFrame(MARKS), NAMES),
        (TABLE, None),
        (TABLE.astype({"jazz": float, "art": "Int64", "baking": bool}), NAMES),
    ],
)
def test_labels_come_as_lists_or_as_any_matrix(y: Any, names: Any) -> None:
    classifier = DesireClassifier(BUNDLE).fit(TEXTS, y, label_names=names)
    assert classifier.task_.model == TASK.model
    assert classifier.label_names_ == NAMES


def test_predictions_are_the_tasks() -> None:
    classifier = fitted()
    probabilities = classifier.predict_proba(NEW)
    assert np.array_equal(probabilities, TASK.predict(NEW))
    assert MultiLabelBinarizer(classes=NAMES).fit([]).inverse_transform(classifier.predict(NEW)) == [
        tuple(TASK.decide(row)) for row in probabilities
    ]
    logits = classifier.decision_function(NEW)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), probabilities, rtol=1e-6)
    assert classifier.predict(NEW).dtype == np.int64
    assert classifier.classes_.tolist() == [[0, 1]] * 3


def test_log_odds_are_finite_where_a_probability_is_not_between(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = fitted()
    ends = np.array([[0, 1e-44, 0.5], [1 - 2**-24, 1, 1]], np.float32)
    monkeypatch.setattr(DesireClassifier, "predict_proba", lambda *_: ends)
    logits = classifier.decision_function(NEW[:2])
    assert np.isfinite(logits).all()
    assert logits[0, 2] == 0
    assert np.array_equal(logits[0, :2], [logits[0].min()] * 2)
    assert np.array_equal(logits[1], [logits[1].max()] * 3)


def test_a_label_may_be_known_by_its_name_alone() -> None:
    classifier = DesireClassifier(BUNDLE).fit([], [], label_names=["baking", "jazz"])
    assert classifier.task_.model == BUNDLE.adapt(labels=["baking", "jazz"]).model
    with_one_more = DesireClassifier(BUNDLE).fit(TEXTS, LISTS, label_names=["music", *NAMES])
    assert with_one_more.label_names_ == ["music", *NAMES]
    assert with_one_more.task_.model == BUNDLE.adapt(Support.of(TEXTS, LISTS), labels=["music", *NAMES]).model


def test_columns_without_names_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="the columns of y have no names") as warned:
        classifier = DesireClassifier(BUNDLE).fit(TEXTS, MARKS)
    assert warned[0].filename == __file__
    assert classifier.label_names_ == ["0", "1", "2"]


def test_a_bundle_is_opened_where_it_is_named() -> None:
    for path in (FOLDER, str(FOLDER)):
        assert DesireClassifier(path).fit(TEXTS, LISTS).task_.model == TASK.model


# What is not known


def test_missing_is_what_adapt_makes_of_it() -> None:
    expected = BUNDLE.adapt(Support.of(TEXTS, LISTS), missing="unknown").model
    assert expected != TASK.model
    for y in (LISTS, TABLE):
        assert DesireClassifier(BUNDLE, missing="unknown").fit(TEXTS, y).task_.model == expected


@settings(max_examples=25)
@given(hn.arrays(np.float64, (4, 3), elements=st.sampled_from([0.0, 1.0, np.nan])), st.booleans())
def test_nan_is_unknown(marks: Any, only_noticed: bool) -> None:
    if np.isnan(marks).all():
        return
    classifier = DesireClassifier(BUNDLE, missing="unknown" if only_noticed else "negative")
    taught = classifier.fit(TEXTS, marks, NAMES).task_.taught
    assert np.array_equal(taught.targets, marks == 1)
    assert np.array_equal(taught.mask, (marks == 1) if only_noticed else ~np.isnan(marks))


# More examples


def test_more_examples_and_labels_are_added() -> None:
    classifier = fitted()
    expected = TASK.add(Support.of(NEW, [["baking", "jazz"], ["travel"], []]))
    assert classifier.partial_fit(NEW, [["baking", "jazz"], ["travel"], []]) is classifier
    assert classifier.task_.model == expected.model
    assert classifier.label_names_ == [*NAMES, "travel"]
    assert len(classifier.classes_) == 4
    assert classifier.predict(TEXTS).shape == (4, 4)


def test_a_first_part_is_a_fit_and_a_matrix_has_the_columns_there_are() -> None:
    whole = DesireClassifier(BUNDLE).fit(TEXTS, TABLE)
    parts = DesireClassifier(BUNDLE).partial_fit(TEXTS[:2], TABLE[:2], classes=[0, 1])
    parts.partial_fit(TEXTS[2:], MARKS[2:])
    assert parts.task_.model == whole.task_.model


def test_a_matrix_speaks_of_its_own_columns_alone() -> None:
    classifier = fitted().partial_fit(NEW[:2], pd.DataFrame({"art": [0, 1], "travel": [1, 0]}))
    taught = classifier.task_.taught
    assert taught.labels == (*NAMES, "travel")
    assert taught.mask.tolist() == [*[[1, 1, 1, 0]] * 4, [0, 0, 1, 1], [0, 0, 1, 1]]
    assert taught.targets[4:].tolist() == [[0, 0, 0, 1], [0, 0, 1, 0]]


def test_fitting_again_forgets() -> None:
    classifier = fitted().fit(TEXTS, TABLE[["jazz"]])
    assert classifier.label_names_ == ["jazz"]
    assert classifier.task_.model == BUNDLE.adapt(Support.of(TEXTS, TABLE[["jazz"]]), labels=["jazz"]).model


# Matrices


def matrix(rows: int = 4) -> Any:
    return np.random.default_rng(0).normal(size=(rows, WIDTH))


@pytest.mark.parametrize(
    "made",
    [
        np.asfortranarray, np.ndarray.tolist, list, sp.csr_matrix, sp.csc_array, sp.coo_matrix, pd.DataFrame,
        lambda x: x.astype(object), lambda x: x.astype(np.float32),
        lambda x: pd.DataFrame(x).astype({0: "Float64", 1: "float32"}), lambda x: iter(x.tolist()),
    ],
)  # fmt: skip
def test_vectors_come_in_any_matrix(made: Callable[[Any], Any]) -> None:
    x = matrix()
    expected = DesireClassifier(BUNDLE).fit(x, TABLE)
    classifier = DesireClassifier(BUNDLE).fit(made(x), TABLE)
    assert classifier.task_.model == expected.task_.model
    assert classifier.n_features_in_ == WIDTH
    assert np.array_equal(classifier.predict_proba(made(x)), expected.predict_proba(x))


def test_features_by_name_are_inputs_of_their_own() -> None:
    x: list[Any] = [{"jazz": 1.0}, {"bread": 2.0}, {"0": 1}, {}]
    assert (
        DesireClassifier(BUNDLE).fit(x, TABLE).task_.model
        == BUNDLE.adapt(Support.of(x, LISTS), labels=NAMES).model
    )


def test_columns_are_held_to_their_names() -> None:
    x = pd.DataFrame(matrix(), columns=[f"f{number}" for number in range(WIDTH)])
    classifier = DesireClassifier(BUNDLE).fit(x, TABLE)
    assert list(classifier.feature_names_in_) == list(x.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(x[x.columns[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        classifier.predict(x.to_numpy())
    with pytest.raises(ValueError, match="X has 3 features, but DesireClassifier is expecting 13"):
        classifier.predict(pd.DataFrame(matrix()[:, :3]))
    classifier.fit(TEXTS, TABLE)
    assert not hasattr(classifier, "n_features_in_")
    assert not hasattr(classifier, "feature_names_in_")


# Inputs that differ in shape


def test_pictures_and_tokens_are_inputs_as_they_are(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 3), np.uint8)
    tokens = [[1, 4, 2], [1, 2], [1, 3, 4, 2], "bread"]
    cases: list[tuple[Path, Any]] = [
        (image_bundle(tmp_path / "pictures.desire"), pictures),
        (tmp_path / "pictures.desire", [pictures[0], *pictures[1:, :2]]),
        (tokens_bundle(tmp_path / "texts.desire", tiny_tokenizer(tmp_path)), tokens),
        (tmp_path / "texts.desire", np.array([[1, 4, 2]] * 4)),
    ]
    for bundle, x in cases:
        classifier = DesireClassifier(bundle).fit(x, TABLE[["jazz"]])
        assert not hasattr(classifier, "n_features_in_")
        task = Bundle.open(bundle).adapt(Support.of(x, TABLE[["jazz"]]), labels=["jazz"])
        assert np.array_equal(classifier.predict_proba(x), task.predict(x))


# What is refused


@pytest.mark.parametrize(
    ("y", "names", "expected"),
    [
        (None, None, "requires y to be passed"),
        ("baking", None, "y must be a matrix of 0 and 1 with a column a label, or a list of names an .*; it is str"),
        ({"a": 1}, None, "y must be a matrix .*; it is dict"),
        (7, None, "y must be a matrix .*; it is int"),
        ([0, 1, 0, 1], None, r"y has shape \[4\] and is binary\. Only binary classification is supported, of any"),
        ([0, 1, 2, 1], None, r"y has shape \[4\] and is multiclass\. Only binary"),
        (["a", "b", "c", "d"], None, "Unknown label type: y must be a matrix of 0 and 1"),
        ([["a"], [1], [], []], None, "Unknown label type: y must be"),
        ([[0, 1], [1], [0, 0], [1, 1]], None, "Unknown label type: y must be"),
        (MARKS * 2, NAMES, "y has 2 in row 0, column 0, which must be 0, 1 or NaN"),
        (MARKS * 0.5, NAMES, "y has 0.5 in row 0, column 0"),
        (np.full((4, 3), np.inf), NAMES, "y has inf in row 0, column 0"),
        (np.full((4, 3), np.nan), NAMES, "y says nothing: all of it is NaN, unknown"),
        (MARKS, NAMES[:2], "y has 3 columns, and label_names are 2; give a name for each"),
        (TABLE, NAMES[::-1], "label_names are not the columns of y; leave them away"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_are_refused_as_scikit_learn_expects(y: Any, names: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as refused:
        DesireClassifier(BUNDLE).fit(TEXTS, y, label_names=names)
    assert isinstance(refused.value, DesireEdgeError)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("X", "y", "expected"),
    [
        (TEXTS, LISTS[:3], r"inconsistent numbers of samples: \[4, 3\]"),
        (matrix(), MARKS[:3], r"inconsistent numbers of samples: \[4, 3\]"),
        (matrix() * np.nan, MARKS, "Input X contains NaN"),
        (np.zeros((0, WIDTH)), [], "Found array with 0 sample"),
        (np.zeros(WIDTH), MARKS, "Reshape your data"),
        (matrix()[:, :3], MARKS, r"example 0 has shape \[3\], but this model takes 13 features"),
        (pd.DataFrame({"text": TEXTS}), MARKS, "X takes one column of texts, or columns of numbers; the column 'text'"),
        ([*TEXTS[:3], None], MARKS, "example 3 has no text"),
        (pd.Series([None, *TEXTS[:3]]), MARKS, "example 0 has no text"),
        (TEXTS, [["a", "b", "c", "d", "e"], [], [], []], "5 labels, but this bundle holds at most 4"),
        (TEXTS, [["a"], ["a", "a"], [], []], "the label 'a' is named twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_refused(X: Any, y: Any, expected: str) -> None:
    with pytest.raises((ValueError, DesireEdgeError), match=expected):
        DesireClassifier(BUNDLE).fit(X, y, label_names=NAMES if isinstance(y, np.ndarray) else None)


def test_parameters_are_refused_when_fitted() -> None:
    with pytest.raises(DesireEdgeError, match=r"nowhere is not a bundle"):
        DesireClassifier("nowhere").fit(TEXTS, LISTS)
    with pytest.raises(DesireEdgeError, match='missing is \'no\'; it must be "negative" or "unknown"'):
        DesireClassifier(BUNDLE).set_params(missing="no").fit(TEXTS, np.where(MARKS, 1, np.nan), NAMES)


def test_what_is_not_fitted_says_so() -> None:
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError, match="This DesireClassifier instance is not fitted yet"):
            getattr(DesireClassifier(BUNDLE), method)(TEXTS)
    with pytest.raises(NotFittedError):
        DesireClassifier(BUNDLE).score(TEXTS, LISTS)


def test_a_matrix_of_new_columns_must_be_named() -> None:
    with pytest.raises(ValueError, match="y has 2 columns, and there are 3 labels; give a name for each"):
        fitted().partial_fit(NEW[:1], [[0, 1]])


# Scores


def test_the_score_is_subset_accuracy() -> None:
    classifier = fitted()
    right = classifier.predict(NEW)
    wrong = np.vstack([1 - right[:1], right[1:]])
    names = np.array(classifier.label_names_)
    assert classifier.score(NEW, right) == 1
    for y in (
        wrong,
        [list(names[row == 1]) for row in wrong],
        pd.DataFrame(wrong, columns=names)[names[::-1]],
    ):
        assert classifier.score(NEW, y) == pytest.approx(2 / 3)
    assert classifier.score(NEW, wrong, sample_weight=[2, 1, 1]) == 0.5
    with pytest.raises(ValueError, match="y has the label 'cycling', which was not taught"):
        classifier.score(NEW, [["cycling"], [], []])
    with pytest.raises(ValueError, match="y holds NaN, unknown, which cannot be scored"):
        classifier.score(NEW, wrong * np.nan)
