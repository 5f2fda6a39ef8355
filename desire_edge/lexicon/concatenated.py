"""The vectors of a lexicon of sources (schema 1): label names alone, each source's part scaled and put end to end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from desire_edge.lexicon.format import SourceTable
from desire_edge.lexicon.words import Term, Words

_SMOOTHING = 70.0  # a piece of this rank weighs half as much as a rare one


class ConcatenatedVectors:
    """The vectors of words and names. A word that only some sources know has zeros in the other parts."""

    def __init__(self, sources: Sequence[SourceTable], words: Words) -> None:
        """Use checked tables."""
        self.dim = sum(source.dim for source in sources)
        self.norm = float(np.sqrt(sum(source.norm**2 for source in sources)))
        self.parts = [(source.dim, source.norm) for source in sources]
        self._sources = sources
        self._words = words

    def terms(self, words: Iterable[str]) -> list[Term]:
        """Return the words in order, each as often as it occurs."""
        return [Term(word.lower(), 1, *self._words.pieces(word)) for word in words]

    def word(self, index: int) -> NDArray[np.float32] | None:
        """Return the vector [d] of this word, or None if it is zero."""
        vector = self._vector(index)
        return vector if vector.any() else None

    def name(self, terms: Sequence[Term]) -> NDArray[np.float32] | None:
        """Return the mean [d] of these words' pieces, or None if there are none or they cancel one another."""
        total = np.zeros(self.dim, np.float64)
        weights = 0.0
        for index in (index for term in terms for index in term.pieces):
            rank = float(self._words.ranks[index]) + 1.0
            weight = rank / (rank + _SMOOTHING)
            total += weight * self._vector(index).astype(np.float64)
            weights += weight
        length = float(np.linalg.norm(total))
        if length <= 1e-3 * weights * self.norm:
            return None
        return (total * (self.norm / length)).astype(np.float32)

    def _vector(self, index: int) -> NDArray[np.float32]:
        vector = np.zeros(self.dim, np.float32)
        start = 0
        for source in self._sources:
            row = int(source.rows[index]) - 1
            if row >= 0:
                vector[start : start + source.dim] = source.vectors[row] * source.scales[row]
            start += source.dim
        # In double, which rounds the same whatever the order of the sum: every client shall have the same bits.
        length = float(np.linalg.norm(vector.astype(np.float64)))
        return vector * np.float32(self.norm / length) if length > 0 else vector
