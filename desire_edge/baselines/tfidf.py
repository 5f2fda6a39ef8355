"""TF-IDF and logistic regression, on raw texts."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from desire_edge.baselines.logistic import STRENGTHS, LogOdds
from desire_edge.baselines.logistic_fit import coordinates, log_odds
from desire_edge.baselines.plain import PlainTask, Setting, counted, grid, unknowns


def vectorizer() -> TfidfVectorizer:
    """Words of two characters or more, (1 + ln count) · idf, unit rows."""
    return TfidfVectorizer(sublinear_tf=True)


# Keyed by the task itself: while settings are chosen, a text's words are counted once.
@lru_cache(maxsize=4)
def _vectors(task: PlainTask, idf: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`coordinates` of the support texts and then the label names [S + N, width], and of the query texts [Q, width]."""
    assert task.support_texts is not None and task.query_texts is not None, "this takes raw texts"
    documents = [*task.support_texts, *task.labels]
    fitted = task.corpus if idf == "corpus" else vectorizer().fit(documents)
    assert fitted is not None, "a task of texts has a corpus"
    return coordinates(fitted.transform(documents), fitted.transform(task.query_texts))


class Tfidf(LogOdds):
    """TF-IDF (Spärck Jones, 1972) and logistic regression: how texts were tagged before encoders, and still the first
    thing to try.

    Each label's name is one more support text that carries this label alone; both classes weigh the same. Words and
    their idf come from the texts that training saw, or from the task's own.
    """

    NAME: ClassVar[str] = "tfidf"
    TITLE: ClassVar[str] = "TF-IDF + logistic"
    NEEDS_TEXTS: ClassVar[bool] = True

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Where idf comes from, C, and what becomes of unknown targets."""
        return grid(idf=("corpus", "task"), C=STRENGTHS, **unknowns(task))

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Log odds, [Q, N]."""
        documents, query = _vectors(task, setting["idf"])
        names = np.eye(len(task.labels), dtype=np.bool_)
        targets = np.concatenate([task.targets, names])
        known = np.concatenate([counted(task, setting.get("unknown")), np.ones_like(names)])
        return log_odds(documents, targets, query, C=setting["C"], balanced=True, known=known)
