"""Words and label names to vectors, read from one compact, memory-mapped file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon.characters import SPACE, fold
from desire_edge.lexicon.concatenated import ConcatenatedVectors
from desire_edge.lexicon.format import Tables, map_tables
from desire_edge.lexicon.seeded import seeded_direction
from desire_edge.lexicon.static import StaticTable, StaticVectors
from desire_edge.lexicon.text import split_name, tokenize
from desire_edge.lexicon.words import How, Words

_CERTAIN: tuple[How, ...] = ("words", "compound", "subwords", "ngrams")  # from what is surest to a guess
_SAME = 0.9999  # cosine above which two names' vectors count as equal
_APART = 0.1  # the part added to tell them apart, relative to the vector's norm


@dataclass(frozen=True, eq=False)
class LabelVector:
    """A label's name, its vector [d] float32 (never zero), and how the name was understood.

    `known` are the words the vector was made of, `unknown` the words of the name that nothing is known about.
    `how` is "word": the name is one known word; "words": a mean over its words; "compound": some of them had to
    be split ("webdesign"); "subwords": known parts cover most of one; "ngrams": of some of them only the spelling is
    known (a static lexicon's alone); "encoder": a text encoder's of the whole name; "seeded": made from the letters
    alone.
    """

    name: str
    vector: NDArray[np.float32]
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    how: How


@dataclass(frozen=True, eq=False)
class TextVector:
    """A text's vector [d] float32, and how many of its distinct words are known."""

    vector: NDArray[np.float32]
    known_words: int
    words: int


@dataclass(frozen=True, eq=False)
class LabelMatrix:
    """The vectors [d, N] float32 of N labels, one a column, their entries, and warnings for the user."""

    vectors: NDArray[np.float32]
    entries: tuple[LabelVector, ...]
    warnings: tuple[str, ...]


class Lexicon:
    """Folded words and their vectors [d] float32, of label names and, in a static lexicon, of texts.

    The file stays mapped, so processes that open the same file share its memory. Every name's vector has the same norm,
    for logits scale with it, and a word's own norm says how common it is rather than what it means (on validation
    labels that is worth 0.9 points of AUC).

    Attributes:
        tables: what the file holds.
        dim: d.
        norm: of every label's vector.
        static: whether texts have vectors too, in the names' space (schema 2).
    """

    def __init__(self, tables: Tables) -> None:
        """Use checked tables; `Lexicon.open` reads and checks them."""
        self.tables = tables
        self._words = Words(tables.words, tables.offsets, tables.ranks)
        vectors = tables.vectors
        self._vectors: StaticVectors | ConcatenatedVectors = (
            StaticVectors(vectors, self._words)
            if isinstance(vectors, StaticTable)
            else ConcatenatedVectors(vectors, self._words)
        )
        self.static = isinstance(vectors, StaticTable)
        self.dim = self._vectors.dim
        self.norm = self._vectors.norm

    @classmethod
    def open(cls, path: Path) -> Lexicon:
        """Map the lexicon at `path`; raises `DesireEdgeError` if it is not a whole, valid lexicon."""
        return cls(map_tables(path))

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self._words)

    def __contains__(self, word: str) -> bool:
        """Whether the folded word is known."""
        return self._words.find(fold(word)) is not None

    def word_vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the vector [d] of this one word, folded, or None if it is not known."""
        index = self._words.find(fold(word))
        return None if index is None else self._vectors.word(index)

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
        return self._words.by_rank(count)

    def describe(self) -> dict[str, Any]:
        """What it holds, and what it was made of, as JSON values."""
        vectors = self.tables.vectors
        made: dict[str, Any] = {
            "schema": 2 if self.static else 1,
            "words": len(self),
            "dim": self.dim,
            "norm": self.norm,
        }
        if isinstance(vectors, StaticTable):
            return {
                **made,
                "grams": len(vectors.grams),
                "lineage": [asdict(entry) for entry in vectors.lineage],
            }
        return {**made, "lineage": [], "sources": [source.name for source in vectors]}

    def look_up(self, name: str) -> LabelVector:
        """Return the vector of a label's name, which may be any text.

        The whole folded name is tried as a word. Else its words (an unknown one split at camelCase or as a compound)
        are averaged, frequent ones counting less (Arora, Liang and Ma, "A simple but tough-to-beat baseline for
        sentence embeddings", ICLR 2017); of a word that nobody knows, a static lexicon uses the spelling. A name of
        which nothing is known gets a direction seeded by its letters. Raises `DesireEdgeError` only if the name is
        empty.
        """
        name = name.strip(SPACE)
        folded = fold(name).strip(SPACE)
        if not folded:
            raise DesireEdgeError("a label's name is empty; give every label a name", "name-empty")
        index = self._words.find(folded)
        if index is not None and (whole := self._vectors.word(index)) is not None:
            return LabelVector(name, whole, (folded,), (), "word")
        terms = self._vectors.terms(split_name(name))
        vector = self._vectors.name(terms)
        if vector is None:
            return LabelVector(name, self._seeded(folded), (), (folded,), "seeded")
        known = tuple(self._words[index] for term in terms for index in term.pieces)
        unknown = tuple(term.word for term in terms if not term.pieces)
        how = max((term.how for term in terms if term.how != "seeded"), key=_CERTAIN.index)
        return LabelVector(name, vector, known, unknown, how)

    def text_vector(self, text: str, hashed: int = 0) -> TextVector:
        """Return the vector of a text, of length 1, in the space of the label names' vectors; zeros for no words.

        After it come the words themselves, hashed into so many numbers: see `StaticVectors.hashed`.

        A word counts as known if it, or words that make it up, are among the lexicon's; of any other the spelling is
        used. Raises `DesireEdgeError` if this is no static lexicon.
        """
        if not isinstance(self._vectors, StaticVectors):
            raise DesireEdgeError(
                "this lexicon has vectors for label names alone, none for texts; "
                'make one that has with lexicon.sources = ["static"] or desire-edge lexicon build'
            )
        terms = self._vectors.terms(tokenize(text))
        vector = self._vectors.text(terms)
        if hashed:
            vector = np.concatenate([vector, self._vectors.hashed(terms, hashed)])
        return TextVector(vector, sum(bool(term.pieces) for term in terms), len(terms))

    def label_matrix(self, names: Sequence[str]) -> LabelMatrix:
        """Return the vectors [d, N] of N label names, no two of them equal and none zero.

        Where two names have the same vector (cosine above 0.9999), the later one gets a part of a tenth of its
        norm added, orthogonal to it and seeded by its name, and a warning says so. Raises `DesireEdgeError` for an
        empty name or for the same name twice.
        """
        return matrix_of([self.look_up(name) for name in names], self.dim)

    def _seeded(self, folded: str) -> NDArray[np.float32]:
        vector = seeded_direction(folded, self.dim)
        start = 0
        for dim, norm in self._vectors.parts:
            part = vector[start : start + dim]
            part *= norm / np.linalg.norm(part)
            start += dim
        return vector.astype(np.float32)


def matrix_of(entries: list[LabelVector], dim: int) -> LabelMatrix:
    """The vectors [d, N] of N labels, no two of them equal; see `Lexicon.label_matrix`."""
    warnings: list[str] = []
    seen: set[str] = set()
    directions = np.zeros((len(entries), dim), np.float32)
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
    vectors = np.zeros((dim, len(entries)), np.float32)
    for column, entry in enumerate(entries):
        vectors[:, column] = entry.vector
    return LabelMatrix(vectors, tuple(entries), tuple(warnings))


def _told_apart(vector: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    exact = vector.astype(np.float64)
    square = float(exact @ exact)
    part = seeded_direction(name, len(exact))
    part -= exact * (float(part @ exact) / square)
    part *= _APART * np.sqrt(square) / np.linalg.norm(part)
    return (exact + part).astype(np.float32)
