"""TF-IDF and logistic regression, on raw texts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from desire_edge.baselines.logistic import STRENGTHS, log_odds
from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, grid


def vectorizer() -> TfidfVectorizer:
    """Words of two characters or more, (1 + ln count) · idf, unit rows."""
    return TfidfVectorizer(sublinear_tf=True)


# Keyed by the task itself: while settings are chosen, a text's words are counted once.
@lru_cache(maxsize=4)
def _vectors(task: PlainTask, idf: str) -> tuple[Any, Any]:
    """Sparse rows of the support texts and then the label names [S + N, words], and of the query texts [Q, words]."""
    assert task.support_texts is not None and task.query_texts is not None, "this takes raw texts"
    documents = [*task.support_texts, *task.labels]
    fitted = task.corpus if idf == "corpus" else vectorizer().fit(documents)
    assert fitted is not None, "a task of texts has a corpus"
    rows = fitted.transform(documents)
    held = np.flatnonzero(
        rows.getnnz(axis=0)
    )  # a word that none of them holds gets no weight, but costs time
    return rows[:, held], fitted.transform(task.query_texts)[:, held]


class Tfidf(PlainBaseline):
    """TF-IDF (Spärck Jones, 1972) and logistic regression: how texts were tagged before encoders, and still the first
    thing to try.

    Each label's name is one more support text that carries this label alone; both classes weigh the same. Words and
    their idf come from the texts that training saw, or from the task's own.
    """

    NAME: ClassVar[str] = "tfidf"
    TITLE: ClassVar[str] = "TF-IDF + logistic"
    NEEDS_TEXTS: ClassVar[bool] = True

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Where idf comes from, and C."""
        return grid(idf=("corpus", "task"), C=STRENGTHS)

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Log odds, [Q, N]."""
        documents, query = _vectors(task, setting["idf"])
        targets = np.concatenate([task.targets, np.eye(len(task.labels), dtype=np.bool_)])
        return log_odds(documents, targets, query, C=setting["C"], balanced=True)
