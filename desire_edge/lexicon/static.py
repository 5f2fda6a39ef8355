"""The vectors of a static lexicon (schema 2): label names and texts in one space, by one function.

Word vectors distilled from sentence encoders (see `desire_edge.distillation`) in four bits a number. A text's or a
name's vector is the weighted sum of its words', rare words counting more, less the mean of all texts or names; a word
that nobody knows is the sum of its character n-grams (Bojanowski, Grave, Joulin and Mikolov, "Enriching word vectors
with subword information", TACL 2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desire_edge.lexicon.words import Term, Words

STATIC = Path(__file__).with_name("static-en.safetensors")
"""The one that comes with the package, for English: docs/lexicon.md."""
MEANS = ("text_mean", "name_mean")
_LENGTHS = (3, 4, 5)  # of n-grams, in characters
_CANCELLED = 1e-6  # a sum this much shorter than its parts together is nothing but rounding
_BYTES = np.arange(256)
_VALUES = (
    np.stack([_BYTES & 15, _BYTES >> 4], axis=1).astype(np.float64) - 8.0
)  # the two numbers of each byte


@dataclass(frozen=True, eq=False)
class Lineage:
    """What a static lexicon was made of: a package or a model, its version, its licence, and what it was used for."""

    name: str
    version: str
    licence: str
    role: str


@dataclass(frozen=True, eq=False)
class StaticTable:
    """The vectors in a file of schema 2; see `desire_edge.lexicon.format`."""

    norm: float
    vectors: NDArray[np.uint8]
    scales: NDArray[np.float32]
    grams: NDArray[np.uint8]
    gram_scales: NDArray[np.float32]
    text_mean: NDArray[np.float32]
    name_mean: NDArray[np.float32]
    lineage: tuple[Lineage, ...]

    @property
    def dim(self) -> int:
        """Dimensions of the vectors."""
        return 2 * int(self.vectors.shape[1])


class StaticVectors:
    """The vectors of a static lexicon's words, names and texts."""

    def __init__(self, table: StaticTable, words: Words) -> None:
        """Use a checked table."""
        self.dim = table.dim
        self.norm = table.norm
        self.parts = [(self.dim, self.norm)]
        self._table = table
        self._words = words
        self._means = {name: getattr(table, name).astype(np.float64) for name in MEANS}

    def terms(self, words: Iterable[str]) -> list[Term]:
        """Return the distinct words in the order of their first occurrence; one nobody knows is its n-grams."""
        first: dict[str, str] = {}
        counts: dict[str, int] = {}
        for word in words:
            folded = word.lower()
            first.setdefault(folded, word)
            counts[folded] = counts.get(folded, 0) + 1
        terms = []
        for folded, count in counts.items():
            pieces, how = self._words.pieces(first[folded])
            terms.append(Term(folded, count, pieces, how if pieces else "ngrams"))
        return terms

    def unit(self, terms: Sequence[Term], mean: str) -> NDArray[np.float64] | None:
        """Return the vector [d] of length 1 of a text's or a name's words, or None if they come to nothing.

        It is u - mean, brought to length 1, where u is the sum of the words' vectors, brought to length 1. A known word
        of rank r (0 the most frequent) that occurs c times weighs (1 + ln c) ln(2 + r); so does each piece of a word
        that is made of several. The n-grams of another word, added up and brought to length 1, weigh
        (1 + ln c) ln(1 + n), n being the number of words in the lexicon.
        """
        pieces = [index for term in terms for index in term.pieces]
        repeats = [1.0 + math.log(term.times) for term in terms for _ in term.pieces]
        weights = np.log(2.0 + self._words.ranks[pieces]) * repeats * self._table.scales[pieces]
        parts = _unpacked(self._table.vectors[pieces])
        total = weights @ parts
        length = float(weights @ np.sqrt((parts * parts).sum(axis=1)))
        for term in terms:
            if not term.pieces and (part := self._spelt(term.word)) is not None:
                weight = (1.0 + math.log(term.times)) * math.log(1.0 + len(self._words))
                total += weight * part
                length += weight
        whole = _unit(total, length)
        return None if whole is None else _unit(whole - self._means[mean], 1.0)

    def name(self, terms: Sequence[Term]) -> NDArray[np.float32] | None:
        """Return the vector [d] of a name of these words, or None if they come to nothing."""
        found = self.unit(terms, "name_mean")
        return None if found is None else (self.norm * found).astype(np.float32)

    def word(self, index: int) -> NDArray[np.float32] | None:
        """Return the vector [d] of a name that is this word."""
        return self.name([Term("", 1, (index,), "word")])

    def text(self, terms: Sequence[Term]) -> NDArray[np.float32]:
        """Return the vector [d] of length 1 of a text of these words, zeros if they come to nothing."""
        found = self.unit(terms, "text_mean")
        return np.zeros(self.dim, np.float32) if found is None else found.astype(np.float32)

    def hashed(self, terms: Sequence[Term], size: int) -> NDArray[np.float32]:
        """Return the words themselves, hashed into `size` numbers (Weinberger et al., "Feature hashing for large scale
        multitask learning", ICML 2009), zeros for none.

        With h the 32-bit FNV-1a hash of a word, its weight counts in number (h >> 1) mod size, negated if h is even. A
        word weighs as in `unit`; one made of several known words as the rarest of them.
        """
        total = np.zeros(size)
        for term in terms:
            ranks = self._words.ranks[list(term.pieces)]
            rarity = 2.0 + float(ranks.max()) if term.pieces else 1.0 + len(self._words)
            weight = (1.0 + math.log(term.times)) * math.log(rarity)
            hashed = fnv1a(term.word)
            total[(hashed >> 1) % size] += weight if hashed & 1 else -weight
        return total.astype(np.float32)

    def _spelt(self, word: str) -> NDArray[np.float64] | None:
        """Return the sum [d] of a word's n-grams, brought to length 1."""
        rows = [fnv1a(gram) % len(self._table.grams) for gram in ngrams(word)]
        parts = _unpacked(self._table.grams[rows])
        scales = self._table.gram_scales[rows].astype(np.float64)
        return _unit(scales @ parts, float(scales @ np.sqrt((parts * parts).sum(axis=1))))


def ngrams(word: str) -> list[str]:
    """Return the distinct runs of 3, 4 and 5 characters of "<word>": shorter before longer, from left to right."""
    marked = f"<{word}>"
    return list(dict.fromkeys(marked[i : i + n] for n in _LENGTHS for i in range(len(marked) - n + 1)))


def fnv1a(text: str) -> int:
    """Return the 32-bit FNV-1a hash of the text's UTF-8 bytes."""
    value = 0x811C9DC5
    for byte in text.encode("utf-8", "surrogatepass"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def packed(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return numbers [n, d] from -7 to 7 as bytes [n, d / 2]: number 2j in the low half of byte j, 2j + 1 above it."""
    halves = (values + 8).astype(np.uint8)
    pairs: NDArray[np.uint8] = halves[:, ::2] | (halves[:, 1::2] << np.uint8(4))
    return pairs


def _unpacked(rows: NDArray[np.uint8]) -> NDArray[np.float64]:
    # Much faster than _VALUES[rows].
    return np.take(_VALUES, rows, axis=0).reshape(len(rows), 2 * rows.shape[1])


def _unit(vector: NDArray[np.float64], length_of_parts: float) -> NDArray[np.float64] | None:
    length = math.sqrt(float(vector @ vector))
    return None if length <= _CANCELLED * length_of_parts else vector / length
