"""The words of a lexicon: finding one, its rank, and the known pieces of a word that is not among them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from desire_edge.lexicon.compounds import split_compound
from desire_edge.lexicon.text import split_camel_case

How = Literal["word", "words", "compound", "subwords", "ngrams", "encoder", "seeded"]

_PREFIX = 8  # bytes of a word that are compared at once
_KEPT = 65_536  # words whose pieces are kept in memory


class Term(NamedTuple):
    """A folded word: how often it counts, the indices of the known words that make it up, and how they were found."""

    word: str
    times: int
    pieces: tuple[int, ...]
    how: How


class Words:
    """Folded words, sorted by their UTF-8 bytes, and their ranks. A word's index is its place among them.

    Attributes:
        ranks: uint32 [n], 0 the most frequent.
    """

    def __init__(
        self, words: NDArray[np.uint8], offsets: NDArray[np.uint32], ranks: NDArray[np.uint32]
    ) -> None:
        """Use checked tables: see `desire_edge.lexicon.format`."""
        self.ranks = ranks
        self._bytes = words.data
        self._offsets = offsets
        # Bisecting numbers is much faster than bisecting slices of the file; few words share their first bytes.
        self._prefixes = prefixes(words, offsets).data
        self._pieces: dict[str, tuple[tuple[int, ...], How]] = {}

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self.ranks)

    def __getitem__(self, index: int) -> str:
        """Return the word at `index`."""
        return self._encoded(index).decode()

    def by_rank(self, count: int) -> list[str]:
        """Return the `count` most frequent words, most frequent first."""
        return [self[index] for index in np.argsort(self.ranks)[:count].tolist()]

    def find(self, folded: str) -> int | None:
        """Return the index of an already folded word, by binary search over the words' UTF-8 bytes."""
        wanted = folded.encode("utf-8", "surrogatepass")
        prefix = int.from_bytes(wanted[:_PREFIX].ljust(_PREFIX, b"\0"), "big")
        low = bisect_left(self._prefixes, prefix)
        if low == len(self) or self._prefixes[low] != prefix:
            return None
        high = bisect_left(self._prefixes, prefix + 1, low)
        low = bisect_left(range(high), wanted, low, key=self._encoded)
        return low if low < high and self._encoded(low) == wanted else None

    def rank(self, folded: str) -> int | None:
        """Return the rank of an already folded word."""
        index = self.find(folded)
        return None if index is None else int(self.ranks[index])

    def pieces(self, word: str) -> tuple[tuple[int, ...], How]:
        """Return the indices of the known words that make up one word of a name, and how they were found."""
        found = self._pieces.get(word)
        if found is None:
            if len(self._pieces) >= _KEPT:
                self._pieces.clear()
            found = self._pieces[word] = self._find_pieces(word)
        return found

    def _find_pieces(self, word: str) -> tuple[tuple[int, ...], How]:
        folded = word.lower()
        if whole := self._find_all([folded]):
            return whole, "words"
        if parts := self._find_all([part.lower() for part in split_camel_case(word)]):
            return parts, "compound"
        bare = folded.rstrip("+#")  # an unknown "c#" is better taken for "c" than for nothing
        if whole := self._find_all([bare]):
            return whole, "subwords"
        split = split_compound(bare, self.rank)
        if split is None:
            return (), "seeded"
        return self._find_all(split.pieces), "compound" if split.complete else "subwords"

    def _find_all(self, words: Sequence[str]) -> tuple[int, ...]:
        """Return the indices of the folded words, or nothing if one of them is unknown."""
        found = tuple(index for index in map(self.find, words) if index is not None)
        return found if len(found) == len(words) else ()

    def _encoded(self, index: int) -> bytes:
        return bytes(self._bytes[self._offsets[index] : self._offsets[index + 1]])


def prefixes(words: NDArray[np.uint8], offsets: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return each word's first eight bytes [n] as a big-endian number, zeros after the end of a shorter one."""
    starts = offsets[:-1].astype(np.int64)
    lengths = np.diff(offsets.astype(np.int64))
    padded = np.concatenate([words, np.zeros(_PREFIX, np.uint8)])
    found = np.lib.stride_tricks.sliding_window_view(padded, _PREFIX)[starts]
    found[np.arange(_PREFIX) >= lengths[:, None]] = 0
    return found.view(">u8")[:, 0].astype(np.uint64)
