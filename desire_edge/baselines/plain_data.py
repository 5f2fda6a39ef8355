"""What the plain baselines see of a data set: features as a user would have them, and names as vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from desire_edge.baselines.eszsl import PENALTIES, PENALTY, base_classifiers, inference, name_map
from desire_edge.baselines.plain import PlainTask
from desire_edge.baselines.tfidf import vectorizer
from desire_edge.data import Dataset, Episode
from desire_edge.inputs import WordsInput
from desire_edge.lexicon import Lexicon
from desire_edge.training.prepare import Prepared

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PlainData:
    """Features of all rows and vectors of all labels' names; what is fitted, is fitted on training rows alone.

    Attributes:
        dataset: targets, names and texts.
        features: by kind, [rows, width]. "unit": unit vectors, centred on the training rows' mean, unit again. "raw":
            as they came, divided by their mean norm, so that one grid of penalties suits both. A bag of words with
            named features also has "words", as "unit" but of the mean vector of its words.
        items: unit vectors [rows, d] in the space of names. "shared": where features and names share a space from the
            start. "learned": by the closed-form map of `eszsl`, from the base labels.
        mapped: the latter by the map's penalty.
        base: [rows, B], how far ridge regression sees each base label, unit rows.
        inference: [B, d], what the base labels say of a name, such that `base` through it has a mean norm of 1.
        names: [labels, d] unit vectors, centred on the base names.
        corpus: words and idf of the training texts; None for vectors.
    """

    dataset: Dataset
    features: dict[str, Rows]
    items: dict[str, Rows]
    mapped: dict[float, Rows]
    base: Rows
    inference: Rows
    names: Rows
    corpus: TfidfVectorizer | None

    @classmethod
    def of(cls, data: Prepared, lexicon: Lexicon, train: NDArray[np.int64]) -> PlainData:
        """Lay out a run's data, fitted on the rows `train`.

        The features of a bag of words from raw text are the mean vectors of its words, weighted by idf; those of all
        else are the run's x.
        """
        base, dataset, x = data.split.base, data.dataset, data.dense
        names = _centred(data.w.T, base)
        shared = None
        if data.embedding is not None:
            x = x @ data.embedding.numpy()
            shared = _centred(x, train)
        elif isinstance(data.input, WordsInput) and data.stage is None:
            shared = _centred(x @ _word_vectors(x[train], data.input.vocabulary, lexicon), train)
        features = {"unit": _centred(x, train), "raw": _scaled(x, train)}
        if shared is not None and data.embedding is None:
            features["words"] = shared
        if data.shared_space:
            shared = features["unit"]
        unit = features["unit"]
        known = unit[train], dataset.targets[np.ix_(train, base)]
        mapped = {rho: _unit(unit @ name_map(*known, names[base], rho)) for rho in PENALTIES}
        items = {} if shared is None else {"shared": shared}
        items["learned"] = mapped[PENALTY]
        scores = _unit(unit @ base_classifiers(*known).astype(np.float32))
        from_base = inference(names[base]).astype(np.float32)
        from_base /= _mean_norm(scores[train] @ from_base)
        corpus = None
        if dataset.texts is not None:
            corpus = vectorizer().fit([dataset.texts[row] for row in train.tolist()])
        return cls(
            dataset,
            features,
            items,
            mapped,
            scores,
            from_base,
            names,
            corpus,
        )

    def task(self, episode: Episode, known: NDArray[np.bool_] | None = None) -> PlainTask:
        """The episode as the baselines see it, where `known` [S, N] says which targets they may."""
        texts = self.dataset.texts
        names = self.names[episode.labels].T

        def of(rows: NDArray[np.int64]) -> tuple[str, ...] | None:
            return None if texts is None else tuple(texts[row] for row in rows.tolist())

        targets = self.dataset.targets[np.ix_(episode.support, episode.labels)]
        base = self.base[episode.support], self.base[episode.query]
        return PlainTask(
            support={kind: x[episode.support] for kind, x in self.features.items()},
            query={kind: x[episode.query] for kind, x in self.features.items()},
            targets=targets if known is None else targets & known,
            cosines={space: items[episode.query] @ names for space, items in self.items.items()},
            support_cosines={space: items[episode.support] @ names for space, items in self.items.items()},
            mapped={penalty: items[episode.query] @ names for penalty, items in self.mapped.items()},
            base_scores=base,
            inferred=base[1] @ (self.inference @ names),
            known=known,
            labels=tuple(self.dataset.labels[label] for label in episode.labels.tolist()),
            support_texts=of(episode.support),
            query_texts=of(episode.query),
            corpus=self.corpus,
        )


def _unit(x: Rows) -> Rows:
    """Rows of length 1; a row of zeros stays one."""
    norms: Rows = np.linalg.norm(x, axis=1, keepdims=True)
    unit: Rows = np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)
    return unit


def _centred(x: Rows, rows: NDArray[np.int64]) -> Rows:
    """Unit rows, less the mean of the given ones, unit again."""
    unit = _unit(x)
    return _unit(unit - unit[rows].mean(axis=0))


def _scaled(x: Rows, rows: NDArray[np.int64]) -> Rows:
    """`x` over the mean norm of the given rows."""
    return x / _mean_norm(x[rows])


def _mean_norm(x: Rows) -> np.float32:
    """The mean norm of the rows; 1 where that is 0."""
    return np.float32(np.linalg.norm(x, axis=1).mean() or 1)


def _word_vectors(x: Rows, words: tuple[str, ...], lexicon: Lexicon) -> Rows:
    """The vectors of named features, each times its idf in x, [features, d]; zeros for words that nobody knows."""
    idf = np.log((1 + len(x)) / (1 + (x != 0).sum(axis=0)))
    vectors: Rows = lexicon.word_vectors(words) * idf[:, None].astype(np.float32)
    return vectors
