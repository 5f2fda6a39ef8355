"""`DesireClassifier` among scikit-learn's tools: cloned, pickled, in pipelines and searches; without scikit-learn."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from estimator.cases import BUNDLE, FOLDER, LISTS, MARKS, NAMES, NEW, TABLE, TASK, TEXTS, fitted
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from trained import Trained

from desire_edge import DesireClassifier, Predictor, Support


def test_it_is_cloned_and_has_parameters() -> None:
    classifier = fitted(missing="unknown")
    copy = clone(classifier)
    assert copy.get_params()["missing"] == "unknown"
    assert not hasattr(copy, "task_")
    assert copy.fit(TEXTS, LISTS).task_.model == classifier.task_.model
    assert "missing='unknown'" in repr(classifier)


@pytest.mark.parametrize("bundle", [FOLDER, BUNDLE])
def test_it_is_pickled(bundle: Any, tmp_path: Path) -> None:
    classifier = DesireClassifier(bundle).fit(TEXTS, LISTS)
    joblib.dump(classifier, tmp_path / "classifier.joblib")
    for there in (pickle.loads(pickle.dumps(classifier)), joblib.load(tmp_path / "classifier.joblib")):
        assert np.array_equal(there.predict_proba(NEW), classifier.predict_proba(NEW))
        assert there.partial_fit(NEW[:1], [["travel"]]).label_names_ == [*NAMES, "travel"]


def test_threads_and_processes_predict_alike() -> None:
    many, expected = [NEW] * 16, fitted().predict_proba(NEW)
    fresh = pickle.loads(pickle.dumps(fitted()))  # whose model no thread has opened yet
    with ThreadPoolExecutor(4) as threads:
        assert all(np.array_equal(found, expected) for found in threads.map(fresh.predict_proba, many))
    work = (joblib.delayed(fresh.predict_proba)(texts) for texts in many)
    assert all(np.array_equal(found, expected) for found in joblib.Parallel(n_jobs=2)(work))


def upper(texts: Any) -> Any:
    return [text.upper() for text in texts]


def test_it_ends_a_pipeline() -> None:
    pipeline = make_pipeline(FunctionTransformer(upper), DesireClassifier(BUNDLE))
    pipeline.fit(pd.Series(TEXTS), MARKS, desireclassifier__label_names=NAMES)
    assert np.array_equal(
        pipeline.predict_proba(NEW), BUNDLE.adapt(Support.of(upper(TEXTS), LISTS)).predict(NEW)
    )
    assert pipeline.score(TEXTS, TABLE) >= 0.5


@pytest.mark.parametrize("scoring", [None, "roc_auc", "average_precision", "f1_micro"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_search_tries_its_parameters(scoring: str | None, count: int) -> None:
    if (scoring, count) == ("neg_log_loss", 1):
        pytest.skip(
            "scikit-learn's log loss takes one column for two classes, and so has no loss of one label"
        )
    texts, table = pd.Series(TEXTS * 4), pd.concat([TABLE[NAMES[:count]]] * 4, ignore_index=True)
    search = GridSearchCV(
        DesireClassifier(BUNDLE),
        {"missing": ["negative", "unknown"]},
        scoring=scoring,
        cv=KFold(2),
        error_score="raise",
    ).fit(texts, table)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.label_names_ == NAMES[:count]


def test_real_texts_are_cross_validated(sample_trained: Trained) -> None:
    support = Support.read(sample_trained.support)
    texts = pd.Series([str(example.raw) for example in support.examples])
    y = pd.DataFrame(
        support.targets(sample_trained.labels, "negative")[0].astype(int), columns=sample_trained.labels
    )
    classifier = DesireClassifier(sample_trained.bundle)
    named = {"label_names": sample_trained.labels}  # of y it keeps the numbers alone
    found = cross_val_predict(classifier, texts, y, cv=KFold(2), method="predict_proba", params=named)
    half = len(texts) // 2
    assert np.array_equal(
        found[:half],
        DesireClassifier(sample_trained.bundle).fit(texts[half:], y[half:]).predict_proba(texts[:half]),
    )


def test_what_it_saves_any_app_runs(tmp_path: Path) -> None:
    fitted().task_.save(tmp_path / "taught")
    assert np.array_equal(Predictor(tmp_path / "taught", "cpu").predict(NEW), TASK.predict(NEW))


def test_without_scikit_learn_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import desire_edge
from desire_edge import *
try:
    desire_edge.DesireClassifier
except desire_edge.DesireEdgeError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == (
        "DesireClassifier needs scikit-learn 1.6 or newer, which is not installed; "
        "install it with `pip install 'desire-edge[sklearn]'`\n"
    )


def test_the_example_runs(sample_trained: Trained, tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "examples" / "sklearn_pipeline.py"
    printed = subprocess.run(
        [sys.executable, "-W", "error", script, sample_trained.bundle, "--out", tmp_path / "taught"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "it knows cooking, history, architecture, music now" in printed
    assert Predictor(tmp_path / "taught", "cpu").labels == ("cooking", "history", "architecture", "music")
