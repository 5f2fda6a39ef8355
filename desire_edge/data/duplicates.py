"""Texts that say nearly the same, by MinHash."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

NEAR = 0.7
"""The Jaccard similarity of two texts' shingles from which they count as near-duplicates."""

_WORDS_A_SHINGLE = 3
_PERMUTATIONS, _SEED = 128, 1
# Scripts that set no spaces between words (Thai, Lao, Khmer, Japanese, Chinese): there a letter counts as a word.
_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORDS = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def shingles(text: str) -> frozenset[str]:
    """The distinct runs of three words of a text, in lower case; the whole text if it has fewer words."""
    words = _WORDS.findall(text.lower())
    last = max(len(words) - _WORDS_A_SHINGLE, 0)
    return frozenset(" ".join(words[start : start + _WORDS_A_SHINGLE]) for start in range(last + 1))


def near_duplicates(
    texts: Sequence[str], report: Callable[[int, int], None] = lambda done, total: None
) -> NDArray[np.int64]:
    """For each text the row of the first text that it nearly repeats, or its own row.

    Two texts are near-duplicates if their `shingles` have a Jaccard similarity of at least `NEAR`. Candidates come from
    locality-sensitive hashing (Broder, "On the resemblance and containment of documents", SEQUENCES 1997), so that a
    pair just above the bound may be missed; none below it is ever returned. A text is compared with the first one of
    each cluster, not with what joined it later, so the time grows with the texts and not with their pairs. The same
    texts give the same answer in every process.
    """
    from datasketch import MinHash, MinHashLSH

    first = np.arange(len(texts), dtype=np.int64)
    index = MinHashLSH(threshold=NEAR, num_perm=_PERMUTATIONS)
    model = MinHash(num_perm=_PERMUTATIONS, seed=_SEED)
    leaders: dict[int, frozenset[str]] = {}
    for row, text in enumerate(texts):
        mine = shingles(text)
        sketch = model.copy()
        sketch.update_batch([shingle.encode("utf-8", "surrogatepass") for shingle in mine])
        similar = [other for other in index.query(sketch) if _jaccard(mine, leaders[other]) >= NEAR]
        if similar:
            first[row] = min(similar)
        else:
            index.insert(row, sketch)
            leaders[row] = mine
        report(row + 1, len(texts))
    return first


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)
