"""Label vectors that a text encoder makes of whole names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desire_edge.lexicon.lexicon import LabelMatrix, LabelVector, matrix_of
from desire_edge.lexicon.seeded import seeded_direction

NORM = 4.0
"""Of every label's vector."""


def encoded_matrix(names: Sequence[str], vectors: NDArray[np.float32]) -> LabelMatrix:
    """The vectors [d, N] of N names, of which an encoder made `vectors` [N, d]: as `Lexicon.label_matrix`.

    Where it made nothing of a name, the name gets a direction seeded by its letters.
    """
    entries = []
    for name, vector in zip(names, vectors, strict=True):
        if np.linalg.norm(vector) > 0.5 * NORM:
            entries.append(LabelVector(name, vector, (name,), (), "encoder"))
        else:
            seeded = (NORM * seeded_direction(name, len(vector))).astype(np.float32)
            entries.append(LabelVector(name, seeded, (), (name,), "seeded"))
    return matrix_of(entries, vectors.shape[1])
