"""Texts that say nearly the same, by MinHash, and pictures that look the same, by perceptual hashes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

NEAR = 0.7
"""The Jaccard similarity of two texts' shingles from which they count as near-duplicates."""

LOOKS_ALIKE = 8
"""Of the 256 bits of two pictures' hashes, how many may differ in near-duplicates."""

_WORDS_A_SHINGLE = 3
_PERMUTATIONS, _SEED = 128, 1
_CANDIDATE = 0.5  # the similarity from which hashing looks for candidates: so low that few are missed
_HASH_SIDE = 16  # bits
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
    locality-sensitive hashing (Broder, "On the resemblance and containment of documents", SEQUENCES 1997), which misses
    one in a hundred of the pairs at the bound and fewer above it; none below it is ever returned. A text is compared
    with the first one of each cluster, not with what joined it later, so the time grows with the texts and not with
    their pairs. The same texts give the same answer in every process.
    """
    from datasketch import MinHash, MinHashLSH

    first = np.arange(len(texts), dtype=np.int64)
    index = MinHashLSH(threshold=_CANDIDATE, num_perm=_PERMUTATIONS)
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


def picture_hash(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A hash [32] uint8 of a picture [height, width, 3]: 256 bits, of which few change with its size or compression.

    It is that of the lowest frequencies of the grey picture (Zauner, "Implementation and benchmarking of perceptual
    image hash functions", 2010), so colours alone tell no pictures apart.
    """
    import imagehash
    from PIL import Image

    bits = imagehash.phash(Image.fromarray(pixels), hash_size=_HASH_SIDE).hash
    return np.packbits(np.asarray(bits, np.bool_).reshape(-1))


def look_alikes(hashes: Sequence[NDArray[np.uint8] | None]) -> NDArray[np.int64]:
    """For each picture's hash the first row of which at most `LOOKS_ALIKE` bits differ, or its own row.

    None is like no other. As with texts, a picture is compared with the first one of each cluster.
    """
    first = np.arange(len(hashes), dtype=np.int64)
    leaders = np.zeros(len(hashes), np.int64)
    bits = np.zeros((len(hashes), _HASH_SIDE**2 // 8), np.uint8)
    count = 0
    for row, mine in enumerate(hashes):
        if mine is None:
            continue
        close = np.flatnonzero(np.bitwise_count(bits[:count] ^ mine).sum(axis=1) <= LOOKS_ALIKE)
        if len(close):
            first[row] = leaders[close[0]]
        else:
            bits[count], leaders[count] = mine, row
            count += 1
    return first


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)
