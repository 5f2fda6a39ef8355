"""A text's tokens hashed into few numbers: what a sentence encoder's vector leaves out, names and jargon.

Feature hashing (Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009). Where a static
lexicon makes the features, the words are hashed on the device instead (`desire_edge.lexicon.static`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HASHED = 1024
"""Numbers that words are hashed into: on validation labels half of it was worth a fifth less, twice of it no more."""
_GOLDEN = 2654435769  # 2³² over the golden ratio: Knuth's multiplicative hash


def token_table(vocabulary: int, pad: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Where each token counts [vocabulary], and its sign, 1 or -1; 0 of `pad`."""
    hashes = (np.arange(1, vocabulary + 1, dtype=np.uint64) * np.uint64(_GOLDEN)) & np.uint64(0xFFFFFFFF)
    signs = np.where(hashes >> np.uint64(31), 1, -1).astype(np.float32)
    signs[pad] = 0
    return ((hashes >> np.uint64(16)) % np.uint64(HASHED)).astype(np.int64), signs


def hashed_tokens(x: Sequence[NDArray[np.int64]], vocabulary: int, pad: int) -> NDArray[np.float32]:
    """Token ids of n texts -> [n, HASHED]: ± ln(1 + |s|), s the sum of the signs of the tokens that count there."""
    places, signs = token_table(vocabulary, pad)
    sums = np.zeros((len(x), HASHED), np.float32)
    for row, ids in zip(sums, x, strict=True):
        np.add.at(row, places[ids], signs[ids])
    logs: NDArray[np.float32] = np.sign(sums) * np.log1p(np.abs(sums))
    return logs
