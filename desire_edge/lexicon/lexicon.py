"""Words and label names to vectors, read from one compact, memory-mapped file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon.characters import SPACE, fold
from desire_edge.lexicon.compounds import split_compound
from desire_edge.lexicon.format import Tables, map_tables
from desire_edge.lexicon.seeded import seeded_direction
from desire_edge.lexicon.text import split_camel_case, split_name

How = Literal["word", "words", "compound", "subwords", "seeded"]

_SMOOTHING = 70.0  # a piece of this rank weighs half as much as a rare one
_SAME = 0.9999  # cosine above which two names' vectors count as equal
_APART = 0.1  # the part added to tell them apart, relative to the vector's norm


@dataclass(frozen=True, eq=False)
class LabelVector:
    """A label's name, its vector [d] float32 (never zero), and how the name was understood.

    `known` are the words the vector was made of, `unknown` the words of the name that nothing is known about.
    `how` is "word": the name is one known word; "words": a mean over its words; "compound": some of them had to
    be split ("webdesign"); "subwords": known parts cover most of one; "seeded": made from the letters alone.
    """

    name: str
    vector: NDArray[np.float32]
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    how: How


@dataclass(frozen=True, eq=False)
class LabelMatrix:
    """The vectors [d, N] float32 of N labels, one a column, their entries, and warnings for the user."""

    vectors: NDArray[np.float32]
    entries: tuple[LabelVector, ...]
    warnings: tuple[str, ...]


class Lexicon:
    """Folded words and their vectors [d] float32: each source's part, scaled and concatenated.

    The file stays mapped, so processes that open the same file share its memory. A word that only some sources know
    has zeros in the other parts. Every vector given out has the same norm, for logits scale with it, and a word's own
    norm says how common it is rather than what it means (on validation labels that is worth 0.9 points of AUC).

    Attributes:
        tables: what the file holds.
        dim: d.
        norm: of every vector.
    """

    def __init__(self, tables: Tables) -> None:
        """Use checked tables; `Lexicon.open` reads and checks them."""
        self.tables = tables
        self._words = tables.words.data
        self.dim = sum(source.dim for source in tables.sources)
        self.norm = float(np.sqrt(sum(source.norm**2 for source in tables.sources)))

    @classmethod
    def open(cls, path: Path) -> Lexicon:
        """Map the lexicon at `path`; raises `DesireEdgeError` if it is not a whole, valid lexicon."""
        return cls(map_tables(path))

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self.tables.ranks)

    def __contains__(self, word: str) -> bool:
        """Whether the folded word is known."""
        return self._find(fold(word)) is not None

    def word_vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the vector [d] of this one word, folded, or None if it is not known."""
        index = self._find(fold(word))
        return None if index is None else self._vector(index)

    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors [len(words), d] of the words, with rows of zeros for unknown ones."""
        vectors = np.zeros((len(words), self.dim), np.float32)
        for row, word in zip(vectors, words, strict=True):
            vector = self.word_vector(word)
            if vector is not None:
                row[:] = vector
        return vectors

    def words_by_rank(self, count: int) -> list[str]:
        """Return the `count` most frequent words, most frequent first."""
        return [self._word(index) for index in np.argsort(self.tables.ranks)[:count].tolist()]

    def look_up(self, name: str) -> LabelVector:
        """Return the vector of a label's name, which may be any text.

        The whole folded name is tried as a word. Else its words (an unknown one split at camelCase or as a compound)
        are averaged, frequent ones counting less (Arora, Liang and Ma, "A simple but tough-to-beat baseline for
        sentence embeddings", ICLR 2017). A name of which nothing is known
        gets a direction seeded by its letters, at the sources' norms. Raises `DesireEdgeError` only if the name is
        empty.
        """
        name = name.strip(SPACE)
        folded = fold(name).strip(SPACE)
        if not folded:
            raise DesireEdgeError("a label's name is empty; give every label a name", "name-empty")
        index = self._find(folded)
        if index is not None and (vector := self._vector(index)).any():
            return LabelVector(name, vector, (folded,), (), "word")
        known: list[int] = []
        unknown: list[str] = []
        how: How = "words"
        for word in split_name(name):
            pieces, piece_how = self._pieces(word)
            known += pieces
            if piece_how == "seeded":
                unknown.append(word.lower())
            elif piece_how == "subwords" or (piece_how == "compound" and how == "words"):
                how = piece_how
        mean = self._mean(known)
        if mean is None:
            return LabelVector(name, self._seeded(folded), (), (folded,), "seeded")
        return LabelVector(name, mean, tuple(map(self._word, known)), tuple(unknown), how)

    def label_matrix(self, names: Sequence[str]) -> LabelMatrix:
        """Return the vectors [d, N] of N label names, no two of them equal and none zero.

        Where two names have the same vector (cosine above 0.9999), the later one gets a part of a tenth of its
        norm added, orthogonal to it and seeded by its name, and a warning says so. Raises `DesireEdgeError` for an
        empty name or for the same name twice.
        """
        entries = [self.look_up(name) for name in names]
        warnings: list[str] = []
        seen: set[str] = set()
        directions = np.zeros((len(entries), self.dim), np.float32)
        for column, entry in enumerate(entries):
            if entry.name in seen:
                raise DesireEdgeError(
                    f"the label {entry.name!r} is given twice; give every label once", "name-twice"
                )
            seen.add(entry.name)
            directions[column] = entry.vector / np.linalg.norm(entry.vector)
            cosines = directions[:column] @ directions[column]
            if column and cosines.max() > _SAME:
                other = entries[int(cosines.argmax())].name
                vector = _told_apart(entry.vector, entry.name)
                entries[column] = LabelVector(entry.name, vector, entry.known, entry.unknown, entry.how)
                directions[column] = vector / np.linalg.norm(vector)
                warnings.append(
                    f"the labels {other!r} and {entry.name!r} have the same word vector; a small part made from "
                    "the second name tells them apart"
                )
        vectors = np.zeros((self.dim, len(entries)), np.float32)
        for column, entry in enumerate(entries):
            vectors[:, column] = entry.vector
        return LabelMatrix(vectors, tuple(entries), tuple(warnings))

    def _pieces(self, word: str) -> tuple[list[int], How]:
        """Return the indices of the known words that make up one word of a name, and how they were found."""
        folded = word.lower()
        if whole := self._find_all([folded]):
            return whole, "words"
        if parts := self._find_all([part.lower() for part in split_camel_case(word)]):
            return parts, "compound"
        bare = folded.rstrip("+#")  # an unknown "c#" is better taken for "c" than for nothing
        if whole := self._find_all([bare]):
            return whole, "subwords"
        split = split_compound(bare, self._rank)
        if split is None:
            return [], "seeded"
        return self._find_all(split.pieces), "compound" if split.complete else "subwords"

    def _find_all(self, words: Sequence[str]) -> list[int]:
        """Return the indices of the folded words, or nothing if one of them is unknown."""
        found = [index for index in map(self._find, words) if index is not None]
        return found if len(found) == len(words) else []

    def _find(self, folded: str) -> int | None:
        """Return the index of an already folded word, by binary search over the words' UTF-8 bytes."""
        wanted = folded.encode("utf-8", "surrogatepass")
        offsets, words = self.tables.offsets, self._words
        low, high = 0, len(offsets) - 1
        while low < high:
            middle = (low + high) // 2
            found = bytes(words[offsets[middle] : offsets[middle + 1]])
            if found == wanted:
                return middle
            if found < wanted:
                low = middle + 1
            else:
                high = middle
        return None

    def _rank(self, folded: str) -> int | None:
        index = self._find(folded)
        return None if index is None else int(self.tables.ranks[index])

    def _word(self, index: int) -> str:
        return bytes(self._words[self.tables.offsets[index] : self.tables.offsets[index + 1]]).decode()

    def _vector(self, index: int) -> NDArray[np.float32]:
        vector = np.zeros(self.dim, np.float32)
        start = 0
        for source in self.tables.sources:
            row = int(source.rows[index]) - 1
            if row >= 0:
                vector[start : start + source.dim] = source.vectors[row] * source.scales[row]
            start += source.dim
        # In double, which rounds the same whatever the order of the sum: every client shall have the same bits.
        length = float(np.linalg.norm(vector.astype(np.float64)))
        return vector * np.float32(self.norm / length) if length > 0 else vector

    def _mean(self, indices: Sequence[int]) -> NDArray[np.float32] | None:
        total = np.zeros(self.dim, np.float64)
        weights = 0.0
        for index in indices:
            rank = float(self.tables.ranks[index]) + 1.0
            weight = rank / (rank + _SMOOTHING)
            total += weight * self._vector(index).astype(np.float64)
            weights += weight
        length = float(np.linalg.norm(total))
        if length <= 1e-3 * weights * self.norm:  # there is no word, or the words cancel one another
            return None
        return (total * (self.norm / length)).astype(np.float32)

    def _seeded(self, folded: str) -> NDArray[np.float32]:
        vector = seeded_direction(folded, self.dim)
        start = 0
        for source in self.tables.sources:
            part = vector[start : start + source.dim]
            part *= source.norm / np.linalg.norm(part)
            start += source.dim
        return vector.astype(np.float32)


def _told_apart(vector: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    exact = vector.astype(np.float64)
    square = float(exact @ exact)
    part = seeded_direction(name, len(exact))
    part -= exact * (float(part @ exact) / square)
    part *= _APART * np.sqrt(square) / np.linalg.norm(part)
    return (exact + part).astype(np.float32)
