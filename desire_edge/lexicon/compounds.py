"""Splitting a word nobody knows into words that are known, by their unigram ranks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

_LONGEST_WORD = 64
_LONGEST_PIECE = 20
# The rarest rank that a piece of so many characters may have, since rare short words are mostly scraps of longer ones:
# a two-letter piece is about as common as "of", "on" or "tv", a three-letter one as "dev"; a single one is a digit.
_RAREST = {1: 3_000, 2: 3_000, 3: 20_000}
_GAP = 14.0  # cost of leaving one letter out: about that of a rare word, so that it is the last resort
_SHORTEST_BESIDE_A_GAP = 4
_COVERED = 0.6


@dataclass(frozen=True)
class Split:
    """The known pieces of a word, in order, and whether they cover all of it."""

    pieces: tuple[str, ...]
    complete: bool


def split_compound(word: str, rank: Callable[[str], int | None]) -> Split | None:
    """Return the most probable pieces of `word`, or None if known pieces cover less than 60 % of its letters.

    The pieces minimise the sum of -log p with Zipf's p = 1 / (10 (rank + 1)); `rank` gives a word's unigram rank,
    0 the most frequent, or None if it is unknown. Letters are left out only if no pieces make up the whole word,
    and then every piece has at least four. Words of more than 64 letters are not split.
    """
    if len(word) > _LONGEST_WORD:
        return None
    return _cheapest(word, rank, gaps=False) or _cheapest(word, rank, gaps=True)


def _cheapest(word: str, rank: Callable[[str], int | None], *, gaps: bool) -> Split | None:
    shortest = _SHORTEST_BESIDE_A_GAP if gaps else 1
    # For every prefix of the word: its cost, where its last piece starts, and whether that piece is a known word.
    best: list[tuple[float, int, bool]] = [(0.0, 0, False)]
    for end in range(1, len(word) + 1):
        choice = (best[end - 1][0] + _GAP if gaps else math.inf, end - 1, False)
        for start in range(max(0, end - _LONGEST_PIECE), end - shortest + 1):
            cost = best[start][0] + _piece_cost(word[start:end], rank, last=end == len(word))
            if cost < choice[0]:
                choice = (cost, start, True)
        best.append(choice)
    if math.isinf(best[-1][0]):
        return None
    pieces: list[str] = []
    end = len(word)
    while end > 0:
        _, start, known = best[end]
        if known:
            pieces.append(word[start:end])
        end = start
    covered = sum(map(len, pieces))
    if covered == 0 or covered < _COVERED * len(word):
        return None
    return Split(tuple(reversed(pieces)), covered == len(word))


def _piece_cost(piece: str, rank: Callable[[str], int | None], *, last: bool) -> float:
    # "of" and "on" stand within a compound; two letters at its end are an inflection, as in "map-as".
    if len(piece) < (3 if last else 2) and not piece.isdecimal():
        return math.inf
    found = rank(piece)
    if found is None or found > _RAREST.get(len(piece), found):
        return math.inf
    return math.log(10.0 * (found + 1))
