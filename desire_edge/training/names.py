"""Labels' vectors from the names' own text encoder, in the space of its features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desire_edge.inputs.names import check_names
from desire_edge.lexicon.encoded import NORM, encoded_matrix
from desire_edge.lexicon.lexicon import LabelMatrix
from desire_edge.models.backbones.frozen import FrozenStage


class EncodedNames:
    """A name's vector is its features, less the mean of the base labels', brought to length `NORM`.

    Attributes:
        mean: [width] float32, of the base labels' features.
    """

    def __init__(self, stage: FrozenStage, base_labels: Sequence[str]) -> None:
        """Encode the base labels' names with `stage`."""
        self._stage = stage
        self.mean: NDArray[np.float32] = stage.features(list(base_labels)).mean(axis=0)

    def label_matrix(self, names: Sequence[str]) -> LabelMatrix:
        """The vectors [width, N] of N label names; as `Lexicon.label_matrix`."""
        names = check_names(names, "the labels")
        found = self._stage.features(list(names)) - self.mean
        vectors = NORM * found / np.sqrt((found**2).sum(axis=1, keepdims=True) + 1e-12)
        return encoded_matrix(names, vectors.astype(np.float32))
