"""A bundle as scikit-learn has classifiers: fit, predict_proba, predict; in pipelines, searches and pickles."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.names import check_names, columns
from desire_edge.inputs.rows import NUMBERS, SparseMatrix, Table, input_rows
from desire_edge.inputs.spec import SparseRow
from desire_edge.runtime import Bundle, Support, Task
from desire_edge.runtime.opened import OpenedBundle
from desire_edge.runtime.support import Missing

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_consistent_length
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise DesireEdgeError(
        "DesireClassifier needs scikit-learn 1.6 or newer, which is not installed; install it with "
        "`pip install 'desire-edge[sklearn]'`"
    ) from error


class TargetError(DesireEdgeError, ValueError):
    """A y that says nothing of labels; a ValueError too, which is what scikit-learn's tools wait for."""


class DesireClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multi-label few-shot classification: adapts a bundle to the labels of y, by their names and a few examples.

    X are n examples as `Support.of` takes them: texts, images, vectors; a matrix [n, features] (array, sparse,
    DataFrame) is checked by scikit-learn's own rules, its column names too.

    y says which labels each carries. Either a list of names an example; or a matrix [n, L] of 0 and 1 (array, sparse,
    lists, or a DataFrame whose columns are the labels' names), where NaN says that nobody looked: it does not count.

    Args:
        bundle: a bundle's path, opened in `fit` on any provider, or an opened `Bundle`, for another.
        missing: what it means that an example does not carry a label, by a list of names or by a 0: "negative", or
            "unknown", for users who tag only what they notice (not counted).

    Attributes:
        task_: the `Task`: `task_.save("taught")` writes the file that an app runs, `task_.report` says how it went.
        label_names_: the L labels' names, in the order of the columns of `predict_proba`.
        classes_: [L, 2], 0 and 1 for each label, as scikit-learn has it of several outputs.
        n_features_in_, feature_names_in_: of a matrix X; the names where it was a DataFrame that has them.
    """

    def __init__(self, bundle: Bundle | Path | str, *, missing: Missing = "negative") -> None:
        self.bundle = bundle
        self.missing = missing

    def __sklearn_tags__(self) -> Any:
        """Several labels and no other targets; all kinds of X that some bundle takes."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label, tags.classifier_tags.multi_class = True, False
        tags.target_tags.multi_output, tags.target_tags.single_output = True, False
        tags.input_tags.sparse = tags.input_tags.string = tags.input_tags.dict = True
        return tags

    def fit(self, X: Any, y: Any, label_names: Iterable[str] | None = None) -> Self:
        """Adapt the bundle's model to n examples, whatever was fitted before.

        Args:
            X: n examples; none, with names alone.
            y: their labels, [n, L] or n lists of names.
            label_names: the names of the columns of a matrix y; with lists of names, the labels to learn, in this
                order, with examples or without. By default the DataFrame's columns, or the names in y as they come.

        Raises:
            DesireEdgeError: more labels than the bundle holds, or an input it cannot take.
            TargetError: a y that is neither lists of names nor a matrix of 0, 1 and NaN.
            ValueError: a matrix X that is empty, not finite or not as long as y.
        """
        bundle = self.bundle if isinstance(self.bundle, Bundle) else Bundle.open(self.bundle)
        support, names, missing = self._examples(bundle, X, y, label_names, ())
        return self._taught(bundle.adapt(support, labels=names, missing=missing))

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, label_names: Iterable[str] | None = None
    ) -> Self:
        """Add n examples and the labels among theirs that are new, whose columns come last.

        The model is the one that all labels and examples give together, but earlier examples say nothing of labels that
        are new. A matrix y speaks of its own columns alone: of other labels its examples say nothing. One without names
        has the columns of `label_names_`.

        Args:
            X: n examples, as for `fit`.
            y: their labels, as for `fit`.
            classes: not used, here by convention: y says which labels there are.
            label_names: as for `fit`.

        Raises:
            as `fit`.
        """
        if not hasattr(self, "task_"):
            return self.fit(X, y, label_names)
        before: Task = self.task_
        support, names, missing = self._examples(before.bundle, X, y, label_names, before.labels)
        return self._taught(before.add(support, labels=names, missing=missing))

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """The probability [n, L] of each label, for each of n examples."""
        check_is_fitted(self)
        task: Task = self.task_
        return task.predict(self._inputs(task.bundle, X, reset=False))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """The log-odds [n, L] of `predict_proba`, always finite.

        A label holds from the log-odds of its learned threshold on, not from 0.
        """
        probabilities = self.predict_proba(X)
        limits = np.finfo(np.float32)
        # A probability that float32 rounds to 0 or 1 counts as the next to it.
        p = np.clip(probabilities, limits.tiny, 1 - limits.epsneg).astype(np.float64)
        return np.log(p) - np.log1p(-p)

    def predict(self, X: Any) -> NDArray[np.int64]:
        """The labels that hold, [n, L] of 0 and 1: those whose probability reaches the threshold learned for them."""
        probabilities = self.predict_proba(X)
        return (probabilities >= np.array(self.task_.thresholds, np.float32)).astype(np.int64)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The subset accuracy: how many of n examples, or how much of their weight, have all their labels right.

        y as for `fit`; names in it that were not taught, and NaN, are refused.
        """
        check_is_fitted(self)
        return float(super().score(X, self._indicator(y), sample_weight))

    def _taught(self, task: Task) -> Self:
        self.task_ = task
        self.label_names_ = list(task.labels)
        self.classes_ = np.tile([0, 1], (len(task.labels), 1))
        return self

    def _inputs(self, bundle: OpenedBundle, X: Any, *, reset: bool) -> Any:
        """X as `Support.of` and `Task.predict` take it; a matrix as `validate_data` leaves it."""
        if isinstance(X, Iterator):
            X = list(X)
        if not bundle.manifest.input.ragged and _is_matrix(X):
            return validate_data(self, X, reset=reset, accept_sparse="csr", dtype=np.float32)
        if reset:
            for name in {"n_features_in_", "feature_names_in_"} & set(vars(self)):  # of an earlier fit
                delattr(self, name)
        return X

    def _examples(
        self, bundle: OpenedBundle, X: Any, y: Any, label_names: Iterable[str] | None, earlier: Sequence[str]
    ) -> tuple[Support, tuple[str, ...] | None, Missing]:
        """The support set that X and y are, its labels by name, and what it means that an example carries none."""
        if y is None:
            raise TargetError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        inputs = self._inputs(bundle, X, reset=not earlier)
        names = check_names(label_names, "label_names") if label_names is not None else None
        lists, marks = _lists_or_marks(y)
        if marks is None:
            check_consistent_length(inputs, lists)
            return Support.of(inputs, lists), names, self.missing
        check_consistent_length(inputs, marks)
        names = _column_names(y, marks.shape[1], names, earlier)
        if np.isnan(marks).all():
            raise TargetError("y says nothing: all of it is NaN, unknown")
        others = None
        missing = self.missing
        # Where something is unknown all the same, what is known not to hold must be named.
        if missing == "negative" and (np.isnan(marks).any() or not set(columns(earlier)) <= set(names)):
            others, missing = _named(marks == 0, names), "unknown"
        return Support.of(inputs, _named(marks == 1, names), others), names, missing

    def _indicator(self, y: Any) -> NDArray[np.int64]:
        """y as a matrix [n, L] of 0 and 1, in the order of `label_names_`."""
        lists, marks = _lists_or_marks(y)
        if marks is not None:
            names = _column_names(y, marks.shape[1], None, self.label_names_)
            if np.isnan(marks).any():
                raise TargetError("y holds NaN, unknown, which cannot be scored; leave those examples away")
            lists = _named(marks == 1, names)
        column = columns(self.label_names_)
        indicator = np.zeros((len(lists), len(column)), np.int64)
        for row, carried in zip(indicator, lists, strict=True):
            for name in check_names(carried, "y"):
                if name not in column:
                    raise TargetError(f"y has the label '{name}', which was not taught; it cannot be scored")
                row[column[name]] = 1
        return indicator


def _is_matrix(X: Any) -> bool:
    """Whether X is a matrix of numbers, or meant as one, and not a list of texts or the like."""
    if isinstance(X, SparseMatrix):
        return True
    if isinstance(X, Table):
        if any(getattr(kind, "kind", "O") not in NUMBERS for kind in X.dtypes):
            input_rows(X, "X", "example")  # says which column holds no numbers, and what to give instead
        return True
    dimensions = getattr(X, "ndim", None)
    if dimensions == 1:
        return X.dtype.kind in NUMBERS
    if dimensions is not None or not isinstance(X, Iterable):
        return dimensions in (None, 2)
    first: Any = next(iter(X), None)
    is_raw = first is None or isinstance(first, str | bytes | Mapping | os.PathLike | SparseRow)
    return not is_raw and np.ndim(first) < 2


def _lists_or_marks(y: Any) -> tuple[list[list[str]], NDArray[np.float64] | None]:
    """The lists of names that y holds, or the matrix [n, L] that it is."""
    if isinstance(y, SparseMatrix):
        return [], _marks(y.tocsr().toarray())  # type: ignore[attr-defined]
    if isinstance(y, Table):
        return [], _marks(y.to_numpy(object, na_value=np.nan))
    if hasattr(y, "__array__") and not isinstance(y, Iterable):
        y = np.asarray(y)
    if isinstance(y, str | bytes | Mapping | set | frozenset) or not isinstance(y, Iterable):
        raise TargetError(f"y must be {WANTED}; it is {type(y).__name__}")
    rows = [list(row) if isinstance(row, Iterable) and not isinstance(row, str) else row for row in y]
    if any(not isinstance(row, list) or (row and not isinstance(row[0], str)) for row in rows):
        return [], _marks(rows)
    return rows, None


WANTED = "a matrix of 0 and 1 with a column a label, or a list of names an example"


def _marks(values: Any) -> NDArray[np.float64]:
    """The matrix [n, L], of 0, 1 and NaN."""
    try:
        marks = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise TargetError(f"Unknown label type: y must be {WANTED}") from None
    if marks.ndim != 2:
        raise TargetError(
            f"y has shape {list(marks.shape)} and is {type_of_target(marks)}. Only binary classification is supported, "
            f"of any number of labels: give {WANTED}"
        )
    for row, column in np.argwhere((marks != 0) & (marks != 1) & ~np.isnan(marks)):
        raise TargetError(
            f"y has {marks[row, column]:g} in row {row}, column {column}, which must be 0, 1 or NaN (unknown)"
        )
    return marks


def _column_names(
    y: Any, count: int, names: tuple[str, ...] | None, earlier: Sequence[str]
) -> tuple[str, ...]:
    """The names of the columns of a matrix y: its own, those given, or those of the labels there are."""
    own = list(y.columns) if isinstance(y, Table) else []
    if own and all(isinstance(name, str) for name in own):
        found = check_names(own, "the columns of y")
        if names not in (None, found):
            raise TargetError("label_names are not the columns of y; leave them away, or rename the columns")
        return found
    if names is None and len(earlier) == count:
        return tuple(earlier)
    if names is None and not earlier:
        warnings.warn(
            "the columns of y have no names, and a name is half of what there is to learn a label from; give "
            "label_names, or a DataFrame with named columns",
            stacklevel=4,
        )
        return tuple(map(str, range(count)))
    if names is None or len(names) != count:
        given = (
            f"there are {len(names or earlier)} labels" if names is None else f"label_names are {len(names)}"
        )
        raise TargetError(f"y has {count} columns, and {given}; give a name for each in label_names")
    return names


def _named(which: NDArray[np.bool_], names: Sequence[str]) -> list[list[str]]:
    """The names of the columns that hold, a list a row."""
    return [list(compress(names, row)) for row in which]
